# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced where the dashboard is built or tested: its node modules, and a node that is new enough.

readonly dashboard_folder=$PROJECT_ROOT/dashboard

node_is_new_enough() { # node_is_new_enough COMMAND
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null
}

# npm leaves out optional packages, native code among them, that the node which runs npm is too old
# for, though another node will use them. So npm itself runs with NODE; NODE_PATH is where Debian's
# npm finds its modules then.
npm_install() { # npm_install FOLDER NODE
  [ -f "$1/node_modules/.package-lock.json" ] && [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && return
  (
    cd "$1" || exit
    [ "$2" = node ] || export PATH="${2%/*}:$PATH" NODE_PATH=/usr/share/nodejs
    npm ci --no-audit --no-fund --loglevel=error
  ) >&2 || return 1
  touch "$1/node_modules/.package-lock.json"
}

# Installs what is missing, once for all who call at the same time, and sets NODE.
prepare_node() {
  mkdir -p "$PROJECT_ROOT/build"
  exec 8>"$PROJECT_ROOT/build/npm.lock"
  flock 8
  NODE=node
  if ! node_is_new_enough node; then
    npm_install "$dashboard_folder/node-runtime" node || { exec 8>&-; return 1; }
    NODE=$(printf '%s\n' "$dashboard_folder"/node-runtime/node_modules/node-linux-*/bin/node)
  fi
  npm_install "$dashboard_folder" "$NODE" || { exec 8>&-; return 1; }
  exec 8>&-
  node_is_new_enough "$NODE"
}
