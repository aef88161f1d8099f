# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034  # looked_at and found are scripts/check's
# The checks of scripts/check that read files as text, and those that hand them to a linter.

readonly cxx_sources='\.(cpp|hpp|hip)$'
readonly max_file_lines=400

script_files() {
  local file
  while IFS= read -r file; do
    if [[ $file == *.sh ]] || head -c 64 "$file" | head -n 1 | tr -d '\0' | grep -qE '^#!.*\bbash$'; then
      say "$file"
    fi
  done < <(files_matching '^(scripts|tests|\.ci)/')
}

check_format() {
  local files output
  files=$(files_matching "$cxx_sources")
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  output=$(xargs -d '\n' clang-format --dry-run -Werror <<<"$files" 2>&1) && return 0
  report_lines "$(grep -E ': error:' <<<"$output" | sort -t: -u -k1,1 || say "clang-format: $output")"
}

check_shell() {
  local files output
  files=$(script_files)
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  output=$(xargs -d '\n' shellcheck --external-sources --format gcc <<<"$files" 2>&1) && return 0
  report_lines "$output"
}

check_size() {
  local file lines files
  files=$(files_matching "\.(cpp|hpp|hip|py|ts|css|cmake|sh)$|^scripts/|CMakeLists\.txt$")
  looked_at="$(count_of "$files") files"
  while IFS= read -r file; do
    [ -n "$file" ] || continue
    lines=$(wc -l <"$file")
    [ "$lines" -le "$max_file_lines" ] || report "$file: $lines lines, more than $max_file_lines"
  done <<<"$files"
}

check_licence() {
  local file files
  files=$(files_matching "\.(cpp|hpp|hip|py|ts|cmake|sh)$|^scripts/|^\.ci/|CMakeLists\.txt$")
  looked_at="$(count_of "$files") files"
  while IFS= read -r file; do
    [ -n "$file" ] || continue
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT$' ||
      report "$file: no 'SPDX-License-Identifier: MIT' in the first three lines"
  done <<<"$files"
}

# Hosts that this machine's package managers are set to, other than the public ones. Read at run
# time, so that the project never has to name them; a name without a dot would match plain words.
private_hosts() {
  {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
      /etc/npmrc /root/.npmrc "${HOME:-/root}/.npmrc" /etc/pip.conf
    env | grep -iE '_(proxy|registry|index_url)='
  } 2>/dev/null | grep -v '^ *#' | grep -oE '[a-z]+://[^/ "]+' |
    sed -E 's,^[a-z]+://,,; s,^[^@]*@,,; s,:[0-9]+$,,' |
    grep -F . | grep -vE '(^|\.)(debian\.org|npmjs\.org|127\.0\.0\.1)$' | sort -u
}

check_words() {
  local files hosts
  # Personal folders; /tmp is nobody's.
  local paths='(^|[^A-Za-z0-9_.}/-])/(home|Users|work)/[A-Za-z0-9_.-]'
  files=$(files_matching '.')
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  report_lines "$(xargs -d '\n' grep -nIHE "$paths" <<<"$files")"
  report_lines "$(xargs -d '\n' grep -nIHF "$PROJECT_ROOT/" <<<"$files")"
  hosts=$(private_hosts)
  [ -z "$hosts" ] || report_lines "$(xargs -d '\n' grep -nIHFf <(say "$hosts") <<<"$files")"
}

# Differences between platforms live in folders that CMake chooses; kernels/amd/ is AMD's.
check_conditionals() {
  local files
  local platform='_WIN32|__APPLE__|__linux__|__HIP|__AMD|__GCN|__gfx|__CUDA|ROCM|SOFTGPU|PLATFORM'
  files=$(files_matching '^(bench|harness|kernels)/.*\.(cpp|hpp|hip)$' | grep -v '^kernels/amd/')
  looked_at="$(count_of "$files") files"
  [ -n "$files" ] || return 0
  report_lines "$(xargs -d '\n' grep -nHE "^ *# *(if|ifdef|ifndef|elif)\b.*($platform)" <<<"$files")"
}

check_dependencies() {
  looked_at="1 file"
  local difference
  difference=$(diff docs/dependencies.md <(scripts/setup --markdown) 2>&1) && return 0
  report "docs/dependencies.md differs from what scripts/setup --markdown prints"
  say "$difference"
}

check_dashboard() {
  looked_at="no dashboard/package.json yet"
  [ -f dashboard/package.json ] || return 0
  looked_at="dashboard/"
  prepare_node || {
    report "dashboard: npm ci failed"
    return
  }
  (cd dashboard && npx --no-install prettier --check --log-level warn .) || report "dashboard: prettier"
  (cd dashboard && npx --no-install tsc --noEmit) || report "dashboard: tsc"
}
