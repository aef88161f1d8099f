# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154  # shares its variables with scripts/nightly
# The steps of a night.

# Files of the system; the tests put others in their place.
readonly system_root=${NOTIFIER_SYSTEM_ROOT:-}
readonly hottest_millidegrees=75000
readonly busiest_percent=5
readonly most_compared_nights=7

print_units() { # print_units TIME
  cat <<END
# notifier-nightly.service
[Unit]
Description=notifier-bench: one night
Documentation=file://$PROJECT_ROOT/docs/dashboard.md
After=local-fs.target

[Service]
Type=oneshot
ExecStart=$PROJECT_ROOT/scripts/nightly
# 75: another night is running
SuccessExitStatus=1 75
TimeoutStartSec=8h
KillMode=control-group

# notifier-nightly.timer
[Unit]
Description=notifier-bench: every night

[Timer]
OnCalendar=*-*-* $1
RandomizedDelaySec=0
Persistent=true

[Install]
WantedBy=timers.target

# or, with cron:
# ${1#*:} ${1%%:*} * * * $PROJECT_ROOT/scripts/nightly
END
}

# One line per thing that disturbs a measurement.
disturbances() {
  local file value
  for file in "$system_root"/sys/class/drm/card*/device/gpu_busy_percent; do
    [ -r "$file" ] || continue
    value=$(<"$file")
    [ "${value:-0}" -le "$busiest_percent" ] || say "a GPU is busy: $value % ($file)"
  done
  for file in "$system_root"/sys/class/drm/card*/device/hwmon/hwmon*/temp*_input; do
    [ -r "$file" ] || continue
    value=$(<"$file")
    [ "${value:-0}" -le "$hottest_millidegrees" ] || say "a GPU is hot: $((value / 1000)) degrees ($file)"
  done
  value=$(awk '{ print int($1) }' "$system_root/proc/loadavg" 2>/dev/null)
  [ "${value:-0}" -lt "$(nproc)" ] || say "the load is $value on $(nproc) CPUs"
}

settings_to_warn_of() {
  local file
  for file in "$system_root"/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do
    [ -r "$file" ] || continue
    [ "$(<"$file")" = performance ] || { say "the CPU governor is $(<"$file"), not performance"; break; }
  done
  for file in "$system_root"/sys/class/drm/card*/device/power_dpm_force_performance_level; do
    [ -r "$file" ] || continue
    [ "$(<"$file")" != auto ] || { say "GPU clocks are not fixed (power_dpm_force_performance_level is auto)"; break; }
  done
}

# Waits for a quiet machine, at most as long as asked for; then says what disturbs and goes on: a
# night with a warning is worth more than none.
warnings=()
check_machine() {
  local until found
  until=$((SECONDS + wait_minutes * 60))
  mapfile -t warnings < <(settings_to_warn_of)
  while found=$(disturbances) && [ -n "$found" ] && [ "$SECONDS" -lt "$until" ]; do
    sleep 15
  done
  [ -z "$found" ] || mapfile -t -O "${#warnings[@]}" warnings <<<"$found"
  for found in "${warnings[@]}"; do complain "warning: $found"; done
}

# The recordings of the same machine and platform before this one, the latest ones.
earlier_recordings() { # earlier_recordings FOLDER
  local platform=${1##*/} folder
  platform=${platform#*_}
  platform=${platform%%_*}
  for folder in "$(dirname "$1")"/*_"$platform"*/; do
    folder=${folder%/}
    [[ ${folder##*/} < ${1##*/} ]] && say "$folder"
  done | tail -n "$most_compared_nights"
}

# Tonight against the nights before. Sets `regression`.
regression=no
write_summary() { # write_summary FILE
  local folder part=$results/.compare.md code
  local -a before
  {
    say "# notifier-bench, night of $(date -u +%F)"
    say
    say "The bench ended with $bench_code; ${#collected[@]} recording(s)."
    for folder in "${warnings[@]}"; do say "- warning: $folder"; done
  } >"$1"
  for folder in "${collected[@]}"; do
    mapfile -t before < <(earlier_recordings "$folder")
    say "
## ${folder#"$results"/}
" >>"$1"
    if [ "${#before[@]}" = 0 ]; then
      say "The first recording of this machine and platform: nothing to compare with." >>"$1"
      continue
    fi
    rm -f "$part"
    # What changed overnight is what the comparison is for, all of it but machine, GPU and platform.
    "$tools/notifier_compare" --old "${before[@]}" --new "$folder" --vary kernel --vary '*.*' \
      --markdown "$part" >>"$results/.nightly.log" 2>&1
    code=$?
    [ "$code" != 1 ] || regression=yes
    if [ -s "$part" ]; then cat "$part" >>"$1"; else say "The comparison ended with $code." >>"$1"; fi
  done
}

subject_of() { # subject_of BENCH_CODE REGRESSION
  case $1 in
    0) if [ "$2" = yes ]; then say "regression"; else say "ok"; fi ;;
    1) say "violation or failed case" ;;
    *) say "the night failed ($1)" ;;
  esac
}

pack_old_samples() {
  local file
  [ "$pack_after_days" != 0 ] || return 0
  while IFS= read -r -d '' file; do
    gzip --no-name --keep --force "$file" && gzip --test "$file.gz" && rm -f "$file"
  done < <(find "$results" -mindepth 3 -maxdepth 3 -name samples.csv -not -path '*/.*' \
    -mtime "+$pack_after_days" -print0)
}
