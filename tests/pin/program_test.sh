#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# notifier_pin as a user starts it: usage, exit codes, files, the ordinary user.
set -u
program=$1
validate=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
failures=0

expect() { # expect <exit code> <text> <command...>
  local code=$1 text=$2
  shift 2
  local output status
  output=$("$@" 2>&1)
  status=$?
  if [[ $status -ne $code || $output != *"$text"* ]]; then
    echo "FAILED ($status, expected $code with '$text'): $*"
    echo "$output" | tail -n 5
    failures=$((failures + 1))
  fi
}

expect 0 "cases" "$program" --list
expect 0 "--table" "$program" --help
expect 2 "--no-such-option" "$program" --no-such-option
expect 2 "no case matches" "$program" --filter nothing_of_that_name
expect 2 "regular expression" "$program" --filter '('
expect 2 "not in" "$program" --table other
expect 2 "--time-limit" "$program" --time-limit 0
expect 2 "cannot read" "$program" --from "$work/missing" --table pinning
expect 0 "9 of 9" "$program" --self-test
expect 4 "results" "$program" --filter process_vm/anon/none --results /proc/nowhere

expect 0 "| pin_process_vm | coherent" "$program" --filter 'process_vm/anon/(none|dontneed)' \
  --table pinning --results "$work/results"
folder=$(echo "$work"/results/*/*_kernel)
expect 0 "0 findings" "$validate" "$folder"
expect 0 '"pins_left": ""' cat "$folder/manifest.json"
expect 0 "| pin_process_vm | coherent" "$program" --from "$folder" --table pinning
expect 0 "pin_process_vm,anon,none,default,65536,ok,coherent" "$program" --from "$folder" --csv

if [[ $(id -u) -eq 0 ]]; then
  cp "$program" "$work/notifier_pin"
  mkdir "$work/user"
  chown nobody "$work/user"
  # ThreadSanitizer ends a program that cannot read its suppressions, and this user may not look into
  # the project's folder. There are no waves here, so there is nothing to suppress.
  user=(env -u TSAN_OPTIONS setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all)
  for limit in 0 64; do # the ring is refused; the ring is granted, the buffer is not
    # shellcheck disable=SC2016  # expanded by the other shell
    expect 77 "RLIMIT_MEMLOCK is $limit KiB" "${user[@]}" bash -c \
      'ulimit -l "$3"; "$1" --filter uring_fixed/anon/none --results "$2" --markdown' \
      - "$work/notifier_pin" "$work/user" "$limit"
  done
  expect 0 "| pin_vmsplice | coherent" "${user[@]}" "$work/notifier_pin" \
    --filter vmsplice/anon/none --results "$work/user" --markdown
fi

[[ $failures -eq 0 ]] && echo "all as expected"
exit $((failures != 0))
