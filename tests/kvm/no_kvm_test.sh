#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Usage: no_kvm_test.sh BENCH absent|forbidden|not_kvm: in a /dev without a usable /dev/kvm (a mount namespace of its own, which
# needs root) the bench ends with 77 and says why.
set -euo pipefail
bench=$1 obstacle=$2
if [ "${NAMESPACE:-}" != own ]; then
  unshare --mount true 2>/dev/null || { echo "skipped: no mount namespace can be made" && exit 77; }
  NAMESPACE=own exec unshare --mount "$0" "$@"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 777 "$folder"
mount -t tmpfs none /dev
for device in 'null 1 3' 'zero 1 5' 'urandom 1 9'; do
  read -r name major minor <<<"$device"
  mknod -m 666 "/dev/$name" c "$major" "$minor"
done
mkdir -m 1777 /dev/shm
user=0
case $obstacle in
  absent) expected='/dev/kvm cannot be used: No such file or directory' ;;
  forbidden)
    mknod -m 600 /dev/kvm c 10 232 # /dev/kvm of any Linux
    user=65534
    expected='/dev/kvm cannot be used: Permission denied (this user may not open it: the group kvm may)'
    ;;
  not_kvm)
    mknod -m 666 /dev/kvm c 1 3
    expected='what is there is not KVM'
    ;;
esac
if ! setpriv --reuid "$user" --regid "$user" --clear-groups test -x "$bench"; then
  echo "skipped: an ordinary user cannot reach $bench" && exit 77
fi
status=0
SOFTGPU_ENGINE=kvm setpriv --reuid "$user" --regid "$user" --clear-groups \
  "$bench" --no-self-test --results "$folder" --filter '^system/anon/sham/' >"$folder/log" 2>&1 || status=$?
cat "$folder/log"
[ "$status" = 77 ]
grep -qF "$expected" "$folder/log"
