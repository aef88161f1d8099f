#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds notifier_bench and the kernel tests with Debian 13's ROCm (HIP 5.7.1, hsakmt 6.2.4, LLVM 17,
# which knows gfx942 and gfx1100 too) in a root of its own, and runs the tests there.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
readonly project release=trixie

usage() {
  cat <<'END'
Usage: tests/kernels/debian13.sh [--programs] FOLDER

Makes a Debian 13 in FOLDER/root (kept for the next call), builds this working tree there and runs
the tests of kernels, code objects and drop-in libraries. Needs root, debootstrap and 3 GB.
--programs: builds only the programs that go to a GPU box, starts each once without a driver, and
runs no test.
The ctest of the same name is there with -DNOTIFIER_TEST_DEBIAN13=FOLDER.
END
}

mirror() {
  local found
  # shellcheck disable=SC2016 # the format's variable is apt-get's
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  printf '%s\n' "${found:-https://deb.debian.org/debian}"
}

make_root() {
  rm -rf --one-file-system "$root.partial"
  debootstrap --variant=minbase "$release" "$root.partial" "$(mirror)"
  apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-)' \
    >"$root.partial/etc/apt/apt.conf.d/99host" || true
  cp -L /etc/resolv.conf "$root.partial/etc/resolv.conf"
  mkdir -p "$root.partial/source" "$root.partial/build"
  mv "$root.partial" "$root"
}

in_root() { # in_root COMMAND: mounts and processes go away with the namespaces
  # shellcheck disable=SC2016
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
    DEBIAN_FRONTEND=noninteractive \
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
      mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
        mount --rbind /dev "$1/dev" && mount --bind -o ro "$2" "$1/source" || exit 125
      chroot "$1" bash -euc "$3"
      exit $?' - "$root" "$project" "$1" </dev/null
}

packages() { # those of the sets run and gpu, and what these tests need besides
  awk -F ' *[|] *' '$1 == "run" || $1 == "gpu" { print $2 }' "$project/scripts/packages.txt"
  printf '%s\n' libgtest-dev libgmock-dev python3
}

step() { # step NAME COMMAND...: says at the end how long it took
  local name=$1 begin=$SECONDS
  shift
  "$@"
  printf 'debian13.sh: %s: %d s\n' "$name" $((SECONDS - begin))
}

programs_only=false
if [ "${1:-}" = --programs ]; then
  programs_only=true
  shift
fi
case ${1:-} in
  --help)
    usage
    exit
    ;;
  '' | -*)
    usage >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || { echo "debian13.sh: needs root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "debian13.sh: needs debootstrap" >&2; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd -P)/root
readonly root
readonly programs='notifier_bench notifier_drain notifier_fences notifier_graphics notifier_pin_rocm
  notifier_thunk'
targets=$programs
if ! $programs_only; then
  targets+=' kernel_logic_test kernel_mutant_loops kernel_mutant_no_read_back dropin_test
    dropin_count_kernel_softgpu notifier_bench_softgpu'
fi
readonly tests='^(CodeObjects|KernelSources|WaitOrder|DropIn|Partition|GapMeter|LaneChecks|Command|ExpectedRecord)'

[ -d "$root" ] || step root make_root
step packages in_root \
  "apt-get update && apt-get install --yes --no-install-recommends $(packages | sort -u | tr '\n' ' ')"
step configure in_root \
  'cmake -G Ninja -S /source -B /build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DNOTIFIER_ROCM=ON'
step build in_root \
  "cmake --build /build --parallel ${NOTIFIER_JOBS:-$(nproc)} --target ${targets//$'\n'/ }"
if $programs_only; then
  step start in_root "for program in ${programs//$'\n'/ }; do
      code=0; /build/bench/\$program || code=\$?; test \$code = 77; done"
  exit
fi
step tests in_root "ctest --test-dir /build --output-on-failure --no-tests=error --tests-regex '$tests'"
