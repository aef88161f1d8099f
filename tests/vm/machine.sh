# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the tests that boot a machine have in common. Sourced with the test's arguments: BUILD_FOLDER [KERNEL_PACKAGE...];
# by default the kernel that `scripts/kernels --fetch debian12` has fetched. Ends the test with 77 where there is none.
# Sets top, build, packages and folder (of its own, removed at the end).
# shellcheck disable=SC2034 # the tests use them
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1
shift
# shellcheck source=scripts/lib/common.sh
source "$top/scripts/lib/common.sh"
# shellcheck source=scripts/lib/guest.sh
source "$top/scripts/lib/guest.sh"
# shellcheck source=scripts/lib/kernel_packages.sh
source "$top/scripts/lib/kernel_packages.sh"

skip() { say "skipped: $*" && exit 77; }
missing=$(guest_missing)
if [ -n "$missing" ]; then skip "$missing is missing (scripts/setup test)"; fi
packages=("$@")
if [ $# -eq 0 ]; then
  files=$(kernel_cached "$(kernel_cache)" debian12) || skip "$files (scripts/kernels --fetch debian12)"
  mapfile -t packages <<<"$files"
fi
for package in "${packages[@]}"; do [ -f "$package" ] || skip "no kernel package $package"; done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
