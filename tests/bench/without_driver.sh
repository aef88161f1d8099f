#!/bin/sh
# SPDX-License-Identifier: MIT
# without_driver.sh PROGRAM ARGUMENT...: a program for AMD GPUs on a machine without the driver says
# in one sentence what is missing, ends with 77 and leaves nothing behind. 99: there is a driver.
set -u
[ ! -e /dev/kfd ] || exit 99
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
"$@" >out 2>err
code=$?
cat out err
fail() {
  echo "without_driver.sh: $1"
  exit 1
}
[ "$code" = 77 ] || fail "exit code $code, 77 was expected"
[ "$(grep -c 'nothing can run here' out err | awk -F: '{ n += $2 } END { print n }')" = 1 ] ||
  fail "not one sentence that says that nothing can run here"
grep -q -e /dev/kfd -e /dev/dri -e /sys/class/kfd out err || fail "the sentence does not name the missing device"
[ "$(ls)" = "err
out" ] || fail "files were left: $(ls)"
