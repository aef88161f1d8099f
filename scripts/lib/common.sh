# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by every script of the project: where the project is, and how a script speaks and gives up.

PROJECT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# shellcheck disable=SC2034  # used by the scripts that source this file
{
  exit_failed=1
  exit_usage=2 # bad usage, and what the user has to do first (missing packages)
}

# A decimal comma or a translated message must not depend on who runs the script.
export LC_ALL=C

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { # die EXIT_CODE MESSAGE...
  local code=$1
  shift
  complain "$@"
  exit "$code"
}

job_count() { say "${NOTIFIER_JOBS:-$(nproc)}"; }

# Compilers keep temporary files in /tmp; where nobody can write there they get a folder in build/.
use_writable_temporary_folder() {
  if ! [ -d "${TMPDIR:-/tmp}" ] || ! [ -w "${TMPDIR:-/tmp}" ]; then
    mkdir -p "$PROJECT_ROOT/build/tmp"
    export TMPDIR=$PROJECT_ROOT/build/tmp
  fi
}

# A CMake cache knows the folder it was made in; one copied from elsewhere cannot be used.
configure_preset() { # configure_preset PRESET [CMAKE_OPTION]...
  local cache=$PROJECT_ROOT/build/$1/CMakeCache.txt
  local -a fresh=()
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PROJECT_ROOT" "$cache"; then
    fresh=(--fresh)
  fi
  (cd "$PROJECT_ROOT" && cmake --preset "$@" "${fresh[@]}")
}

# KFD lists CPUs as nodes too; a GPU is a node with SIMDs.
gpu_present() {
  local node
  [ -e /dev/kfd ] || return 1
  for node in /sys/class/kfd/kfd/topology/nodes/*/properties; do
    if awk '$1 == "simd_count" && $2 > 0 { found = 1 } END { exit !found }' "$node" 2>/dev/null; then
      return 0
    fi
  done
  return 1
}
gpu_usable() { gpu_present && [ -r /dev/kfd ] && [ -w /dev/kfd ]; }
