# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Fetches the Debian kernel packages that scripts/kernels.txt names, with an apt state of their own: the
# machine's package sources stay as they are, and nothing is installed. The caller has sourced common.sh.
# shellcheck disable=SC2154  # PROJECT_ROOT is common.sh's

readonly kernel_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

kernel_cache() { say "${NOTIFIER_KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/notifier-bench/kernels}"; }

kernel_rows() { # LIST: name, suite and package of each kernel
  awk -F ' *[|] *' '/^[^#]/ && NF >= 3 { print $1, $2, $3 }' "$1"
}

# Where this machine fetches Debian from.
kernel_mirror() {
  local found=''
  if command -v apt-get >/dev/null; then
    # shellcheck disable=SC2016 # the format's variables are apt-get's
    found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  fi
  say "${found:-https://deb.debian.org/debian}"
}

kernel_apt() { # STATE TOOL ARGUMENT...: an apt tool that knows one suite only
  local state=$1 tool=$2
  shift 2
  "$tool" -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::State::lists=$state/lists" \
    -o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User= -o APT::Architecture=amd64 -qq "$@" </dev/null
}

kernel_depends() { # STATE PACKAGE PATTERN: what it depends on by that name; a failed pipe is no dependency
  kernel_apt "$1" apt-cache show --no-all-versions "$2" | sed -n 's/^Depends: //p' | grep -oE "$3" | sort -u || true
}

# Newer kernels are split: linux-image needs linux-binary (the kernel) and linux-modules.
kernel_fetch_from_suite() { # CACHE NAME SUITE PACKAGE: the packages' names, one a line, in CACHE/NAME/packages
  local cache=$1 name=$2 suite=$3 package=$4 state=$1/apt-$3 image
  local -a wanted=()
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$cache/$name"
  : >>"$state/status"
  say "deb [signed-by=$kernel_keyring] $(kernel_mirror) $suite main" >"$state/sources.list"
  kernel_apt "$state" apt-get update || return
  image=$(kernel_depends "$state" "$package" 'linux-image-[0-9][^ ,]*' | head -n 1)
  if [ -z "$image" ]; then say "$suite has no $package" && return 1; fi
  mapfile -t wanted < <(say "$image" && kernel_depends "$state" "$image" 'linux-(binary|modules)-[0-9][^ ,]*')
  (cd "$cache/$name" && kernel_apt "$state" apt-get download "${wanted[@]}") || return
  printf '%s\n' "${wanted[@]}" >"$cache/$name/packages"
}

# The files that were fetched last; fails, with the reason in their place, when some are not there.
kernel_cached() { # CACHE NAME
  local folder=$1/$2 wanted file
  if [ ! -s "$folder/packages" ]; then say "no kernel packages in $folder" && return 1; fi
  while read -r wanted; do
    file=$(find "$folder" -name "${wanted}_*.deb" | sort -V | tail -n 1)
    if [ -z "$file" ]; then say "no file of $wanted in $folder" && return 1; fi
    say "$file"
  done <"$folder/packages"
}

# Prints the files of the kernel's packages. Without a network the last ones fetched are good; when there
# are none the reason is printed in their place, and the call fails.
kernel_fetch() { # CACHE NAME SUITE PACKAGE
  local messages
  if ! messages=$(kernel_fetch_from_suite "$@" 2>&1) && [ ! -s "$1/$2/packages" ]; then
    say "cannot be fetched: $(say "$messages" | grep -v '^ *$' | tail -n 1)" && return 1
  fi
  kernel_cached "$1" "$2"
}
