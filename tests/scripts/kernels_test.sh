#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetching and book-keeping, with apt, QEMU and the bench shadowed: booting real kernels is a run of scripts/kernels.
# shellcheck source=tests/scripts/testing.sh
source "$(dirname "${BASH_SOURCE[0]}")/testing.sh"
# shellcheck source=tests/scripts/shadow_machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/shadow_machine.sh"

export NOTIFIER_KERNEL_CACHE=$scratch/cache NOTIFIER_BUILD=$scratch/build

# A suite `split` whose kernel is in three packages, one `whole`, and none else.
shadow_apt() {
  shadow_command apt-get <<'END'
case "$*" in
  *apt-missing*update) echo 'E: The repository has no Release file.' >&2 && exit 100 ;;
  *download*)
    while [ "$1" != download ]; do shift; done
    shift
    for package in "$@"; do : >"${package}_1.0_amd64.deb"; done
    ;;
esac
END
  shadow_command apt-cache <<'END'
case "$*" in
  *linux-image-amd64) echo 'Depends: linux-base-amd64 (= 1), linux-image-9.1+x-amd64 (= 1)' ;;
  *apt-split*linux-image-9.1+x-amd64)
    echo 'Depends: dracut | initramfs-tools (>= 0.1), linux-binary-9.1+x-amd64 (= 1), linux-modules-9.1+x-amd64 (= 1)'
    ;;
  *apt-whole*linux-image-9.1+x-amd64) echo 'Depends: kmod, initramfs-tools (>= 0.1)' ;;
esac
END
}

make_list() {
  printf '%s\n' '# a comment' 'new | split | linux-image-amd64 | in parts' 'old | whole | linux-image-amd64 | in one' \
    'gone | missing | linux-image-amd64 | not to be had' >"$scratch/list"
}

kernels() { run "$source_root/scripts/kernels" --list "$scratch/list" "$@"; }

test_fetches_the_parts_of_a_split_kernel() {
  shadow_apt
  make_list
  kernels --fetch new
  expect_status 0
  expect_output '/new/linux-image-9.1\+x-amd64_1.0_amd64.deb$'
  expect_output '/new/linux-binary-9.1\+x-amd64_1.0_amd64.deb$'
  expect_output '/new/linux-modules-9.1\+x-amd64_1.0_amd64.deb$'
  kernels --fetch old
  expect_status 0
  [ "$(wc -l <"$scratch/output")" = 1 ] || fail "the whole kernel is one package"
}

test_without_a_network_the_last_packages_are_good() {
  shadow_apt
  make_list
  kernels --fetch old
  shadow_command apt-get <<<'exit 100'
  kernels --fetch old
  expect_status 0
  expect_output '/old/linux-image-9.1'
}

test_a_kernel_that_cannot_be_had_says_why() {
  shadow_apt
  make_list
  kernels --fetch gone
  expect_status 1
  expect_output 'cannot be fetched: E: The repository has no Release file'
  kernels --fetch other
  expect_status 2
  expect_output "has no kernel 'other'"
}

test_bad_usage() {
  make_list
  kernels
  expect_status 2
  kernels --boots none "$scratch/folder"
  expect_status 2
  run "$source_root/scripts/kernels" --list "$scratch/nowhere" "$scratch/folder"
  expect_status 2
}

shadow_kernel_machine() { # SCRIPT-OF-QEMU
  make_programs bench/notifier_bench_softgpu softgpu/guest_helper analysis/notifier_validate \
    analysis/compare/notifier_compare analysis/site/notifier_site
  shadow_machine "$1"
}

# Boots, but for what FAILURES-FILE says, and leaves a status.
shadow_good_machine() {
  shadow_kernel_machine "
    case \"\$*\" in */old/*) echo 9.1.0-amd64 ;; *) echo 9.2.0-amd64 ;; esac
    echo boot >>$scratch/boots
    if [ -s $scratch/panics ]; then sed -i 1d $scratch/panics; echo 'Kernel panic - not syncing: int3' && exit; fi
    touch $scratch/came_to_its_end"
  shadow_command debugfs <<END
[ -e $scratch/came_to_its_end ] || exit 0
rm $scratch/came_to_its_end
mkdir -p "\${2#rdump /out }/out"
echo 0 >"\${2#rdump /out }/out/status"
END
}
boots_made() { wc -l <"$scratch/boots"; }

test_kernels_that_cannot_be_had_and_that_panic_are_rows() {
  needs_rxe_driver
  shadow_apt
  shadow_kernel_machine "echo 'Kernel panic - not syncing: Fatal exception'"
  make_list
  kernels --boots 1 --only old --only gone "$scratch/folder"
  expect_status 1
  expect_output 'fewer than two kernels'
  grep -q '^gone,missing,,1,skipped,[0-9]*,"cannot be fetched: E: The repository has no Release file' \
    "$scratch/folder/kernels.csv" || fail "no skipped row: $(cat "$scratch/folder/kernels.csv")"
  grep -q '^old,whole,,1,failed,[0-9]*,"the machine did not come to its end: Kernel panic' \
    "$scratch/folder/kernels.csv" || fail "no failed row: $(cat "$scratch/folder/kernels.csv")"
  [ "$(grep -c '^old,' "$scratch/folder/kernels.csv")" = 3 ] || fail "not three attempts: $(cat "$scratch/folder/kernels.csv")"
  grep -q 'Kernel panic' "$scratch/folder/old.1/console" || fail "the console was not kept"
}

test_a_machine_that_hangs_is_ended_and_keeps_its_console() {
  needs_rxe_driver
  shadow_apt
  shadow_kernel_machine "echo booting; exec sleep 1000"
  make_list
  NOTIFIER_GUEST_SECONDS=1 kernels --boots 1 --only old "$scratch/folder"
  expect_status 1
  grep -q 'the machine ended with 124' "$scratch/folder/kernels.csv" || fail "$(cat "$scratch/folder/kernels.csv")"
  grep -q booting "$scratch/folder/old.1/console" || fail "the console was not kept"
}

test_only_the_missing_boots_are_made() {
  needs_rxe_driver
  shadow_apt
  shadow_good_machine
  make_list
  kernels --boots 1 --only old --only new "$scratch/folder"
  expect_status 0
  [ "$(boots_made)" = 2 ] || fail "$(boots_made) boots instead of 2"
  kernels --boots 2 --only old --only new "$scratch/folder"
  expect_status 0
  [ "$(boots_made)" = 4 ] || fail "$(boots_made) boots instead of 4"
  kernels --boots 2 --only old --only new "$scratch/folder"
  expect_status 0
  [ "$(boots_made)" = 4 ] || fail "a complete folder was booted again"
  grep -q '^old,whole,9.1.0-amd64,2,ok,' "$scratch/folder/kernels.csv" || fail "$(cat "$scratch/folder/kernels.csv")"
  kernels --boots 2 --only old --only new "$scratch/folder" -- --events 3
  expect_status 2
  expect_output 'was made with the options'
}

test_a_boot_that_panics_is_a_row_and_made_again() {
  needs_rxe_driver
  shadow_apt
  shadow_good_machine
  make_list
  echo once >"$scratch/panics"
  kernels --boots 1 --only old --only new "$scratch/folder"
  expect_status 0
  [ "$(boots_made)" = 3 ] || fail "$(boots_made) boots instead of 3"
  grep -q ',1,failed,[0-9]*,"the machine did not come to its end: Kernel panic - not syncing: int3; see new.1/console"' \
    "$scratch/folder/kernels.csv" || fail "$(cat "$scratch/folder/kernels.csv")"
  grep -q '^new,split,9.2.0-amd64,2,ok,' "$scratch/folder/kernels.csv" || fail "$(cat "$scratch/folder/kernels.csv")"
  grep -q 'Kernel panic' "$scratch/folder/new.1/console" || fail "the console was not kept"
}

test_an_interrupted_boot_is_a_row() {
  needs_rxe_driver
  shadow_apt
  shadow_good_machine
  make_list
  mkdir -p "$scratch/folder/old.1"
  echo 9.1.0-amd64 >"$scratch/folder/old.1/console"
  kernels --boots 1 --only old --only new "$scratch/folder"
  expect_status 0
  grep -q '^old,whole,9.1.0-amd64,1,failed,0,"interrupted; see old.1/console"' "$scratch/folder/kernels.csv" ||
    fail "$(cat "$scratch/folder/kernels.csv")"
  grep -q '^old,whole,9.1.0-amd64,2,ok,' "$scratch/folder/kernels.csv" || fail "$(cat "$scratch/folder/kernels.csv")"
}

run_test "$1"
