# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154  # shares its variables with scripts/nightly and scripts/fleet
# What every script does that gathers recordings: the programs it needs, and how a recording comes to
# its place.

find_tools() {
  local tool
  if [ -z "$tools" ] || [ -z "$bench" ]; then
    configure_preset release -DBUILD_TESTING=OFF >/dev/null || return 1
    cmake --build "$PROJECT_ROOT/build/release" --parallel "$(job_count)" >/dev/null || return 1
  fi
  if [ -z "$tools" ]; then
    tools=$PROJECT_ROOT/build/release/tools
    mkdir -p "$tools"
    for tool in notifier_validate site/notifier_site site/notifier_repair compare/notifier_compare fleet/notifier_fleet; do
      ln -sf "../analysis/$tool" "$tools/${tool##*/}"
    done
  fi
  if [ -z "$bench" ]; then
    bench=$PROJECT_ROOT/build/release/bench/notifier_bench_softgpu
    if gpu_usable; then bench=$PROJECT_ROOT/build/release/bench/notifier_bench; fi
  fi
  for tool in "$bench" "$tools"/notifier_{validate,site,repair,compare,fleet}; do
    [ -x "$tool" ] || { complain "$tool is not there"; return 1; }
  done
}

# Moves what is in .incoming to its place, each recording once it is valid. A rename is whole or has
# not happened, whatever interrupts it. Sets `collected` to the new places.
collected=()
collect_recordings() {
  local folder machine target
  collected=()
  for folder in "$incoming"/*/*/; do
    folder=${folder%/}
    [ -d "$folder" ] || continue
    machine=$(basename "$(dirname "$folder")")
    if ! "$tools/notifier_repair" "$folder" || ! "$tools/notifier_validate" "$folder" >"$results/.validate.log" 2>&1; then
      set_aside "$folder"
      continue
    fi
    target=$results/$machine/${folder##*/}
    mkdir -p "$results/$machine"
    if [ -e "$target" ]; then
      complain "$target is there already"
      set_aside "$folder"
      continue
    fi
    mv -T "$folder" "$target" && collected+=("$target")
  done
  sync -f "$results" 2>/dev/null || true
}

# A recording without a header line or manifest holds no run; one that does not validate is for
# somebody to look at. Neither stands in the way of the next night.
set_aside() { # set_aside FOLDER
  local place=$results/.set_aside
  mkdir -p "$place"
  mv -T "$1" "$place/$(basename "$(dirname "$1")").${1##*/}.$$.$RANDOM" &&
    complain "set aside, not valid: ${1#"$results"/} (now in $place)"
}
