# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Counts of a ctest run, from the JUnit file that ctest writes.

# Prints "PASSED FAILED SKIPPED". A test that could not be started is a failure: ctest's own head
# counts it as skipped. Status 1 when ctest did not get to the end of the file.
junit_counts() { # junit_counts FILE
  [ -s "$1" ] || return 1
  awk '
    /<testcase .* status="run">/ { passed++ }
    /<testcase .* status="fail">/ { failed++ }
    /<testcase .* status="disabled">/ { skipped++ }
    /<testcase .* status="notrun">/ { failed++; not_run = 1; next }
    not_run && /<skipped message="SKIP_/ { failed--; skipped++ }
    { not_run = 0 }
    /<\/testsuite>/ { complete = 1 }
    END { if (!complete) exit 1; print passed + 0, failed + 0, skipped + 0 }' "$1"
}
