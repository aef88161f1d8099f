# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154  # shares its variables with scripts/fleet
# The steps of a campaign. A task is "node index gpus": the GPU number `index` of `gpus` on `node`.

readonly poll_seconds=${NOTIFIER_FLEET_POLL_S:-10}
# Slurm's KillWait is 30 s: the bench writes what it has, then it is killed.
readonly kill_seconds=60
readonly fleet_task=$PROJECT_ROOT/scripts/lib/fleet_task

check_launcher() {
  local program
  local -a needed=(sbatch squeue sinfo scancel scontrol)
  [ -z "$hosts" ] || needed=(ssh)
  for program in "${needed[@]}"; do
    command -v "$program" >/dev/null ||
      { complain "needs $program (Slurm: apt-get install slurm-client; or --hosts for ssh)"; return 1; }
  done
}

# Sets `campaign`. Its name is that of its second; what is there already is left alone.
start_campaign() {
  campaign=$results/.fleet/$(date -u +%Y%m%dT%H%M%SZ)
  mkdir "$campaign" && mkdir "$campaign/tasks" || return 1
  ln -sfn "${campaign##*/}" "$results/.fleet/latest"
}

# One line "node gpus" for each node that is asked for.
list_nodes() {
  local host
  if [ -n "$hosts" ]; then
    for host in $hosts; do
      case $host in
        *:*) say "${host%:*} ${host##*:}" ;;
        *) say "$host 1" ;;
      esac
    done
    return
  fi
  sinfo --noheader --Node ${nodes:+--nodes="$nodes"} ${partition:+--partition="$partition"} \
    --Format=NodeList:128,Gres:512 | sort -u -k1,1 |
    awk '{
      # gpu:2, gpu:mi250x:4(S:0-1), and others beside them
      gpus = 0
      count = split($2, parts, ",")
      for (i = 1; i <= count; ++i) {
        if (parts[i] !~ /^gpu[:(]/ && parts[i] != "gpu") continue
        sub(/\(.*/, "", parts[i])
        fields = split(parts[i], words, ":")
        gpus += words[fields] ~ /^[0-9]+$/ ? words[fields] : 1
      }
      print $1, gpus
    }'
}

# Writes plan.tsv, with every GPU, and absent.tsv, with the nodes that have none to measure.
plan_campaign() {
  local node gpus index
  : >"$campaign/plan.tsv"
  : >"$campaign/absent.tsv"
  while read -r node gpus; do
    [[ $gpus =~ ^[0-9]+$ ]] || { complain "'$gpus' is no number of GPUs ($node)"; return 1; }
    [[ $node =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || { complain "'$node' is no name of a node"; return 1; }
    if [ "$gpus" = 0 ]; then printf '%s\tno GPU (Gres)\n' "$node" >>"$campaign/absent.tsv"; fi
    for ((index = 0; index < gpus; ++index)); do
      printf '%s\t%s\t%s\n' "$node" "$index" "$gpus" >>"$campaign/plan.tsv"
    done
  done < <(list_nodes)
  [ -s "$campaign/plan.tsv" ] || { complain "no node with a GPU is there (sinfo, --nodes, --partition)"; return 1; }
}

# A task is done when the bench has ended by itself and left a valid recording. 1: with a violation
# or a failed case, which measuring again does not mend.
task_done() { # task_done NODE INDEX
  local task=$campaign/tasks/$1.$2
  [ -s "$task/collected" ] && [ -f "$task/exit_code" ] && [[ $(<"$task/exit_code") =~ ^[01]$ ]]
}

task_running() { # task_running NODE INDEX
  local lock=$campaign/tasks/$1.$2/lock
  [ -e "$lock" ] && ! flock --nonblock "$lock" true
}

unfinished_tasks() {
  local node index gpus
  while IFS=$'\t' read -r node index gpus; do
    task_done "$node" "$index" || task_running "$node" "$index" || say "$node $index $gpus"
  done <"$campaign/plan.tsv"
}

run_tasks() { # run_tasks TASK...
  if [ -n "$hosts" ]; then run_over_ssh "$@"; else run_with_slurm "$@"; fi
}

# One array per node, with the numbers of its open tasks; %1: one GPU after the other.
run_with_slurm() {
  local task node index gpus job unavailable
  local -A numbers=() gpus_of=()
  local -a jobs=()
  for task in "$@"; do
    read -r node index gpus <<<"$task"
    numbers[$node]+=${numbers[$node]:+,}$index
    gpus_of[$node]=$gpus
  done
  unavailable=$(sinfo --noheader --Node --states=down,drain,fail,maint --format=%N | sort -u)
  for node in "${!numbers[@]}"; do
    # Its jobs would wait for somebody to repair it.
    if grep -qxF "$node" <<<"$unavailable"; then
      complain "$node is not available (sinfo -R says why)"
      continue
    fi
    job=$(sbatch --parsable --job-name="notifier-$node" --nodelist="$node" --nodes=1 --exclusive \
      ${partition:+--partition="$partition"} --array="${numbers[$node]}%1" \
      --gres="gpu:${gpus_of[$node]}" --time="$time_minutes" --no-requeue --open-mode=append \
      --output="$campaign/tasks/$node.slurm.log" "$fleet_task" "$campaign" - - "$bench" \
      --runs "$runs" "${bench_arguments[@]}") || { complain "sbatch refused $node"; continue; }
    jobs+=("${job%%;*}")
  done
  [ "${#jobs[@]}" = 0 ] || await_jobs "${jobs[@]}"
}

await_jobs() { # await_jobs JOB...
  local until=$((SECONDS + wait_minutes * 60)) list cancelled=no
  list=$(IFS=,; say "$*")
  trap 'scancel "${jobs[@]}"; complain "interrupted: jobs cancelled"; exit 130' INT TERM
  # An answer that does not come is no answer that all have ended; jobs that slurmctld has forgotten
  # are an error for squeue when none of them is left.
  while [ -n "$(squeue --noheader --jobs="$list" 2>/dev/null || { scontrol ping >/dev/null 2>&1 || say unreachable; })" ]; do
    if [ "$SECONDS" -ge "$until" ]; then
      [ "$cancelled" = no ] || break
      complain "$wait_minutes minutes have passed: what has not ended is cancelled"
      scancel "$@"
      cancelled=yes
      until=$((SECONDS + kill_seconds))
    fi
    sleep "$poll_seconds"
  done
  trap - INT TERM
}

# Hosts at the same time, the GPUs of one after the other.
run_over_ssh() {
  local task node index
  local -A numbers=()
  for task in "$@"; do
    read -r node index _ <<<"$task"
    numbers[$node]+="$index "
  done
  for node in "${!numbers[@]}"; do
    (
      for index in ${numbers[$node]}; do
        # shellcheck disable=SC2029  # quoted here, for the shell over there
        timeout "$((time_minutes * 60))" ssh -o BatchMode=yes "$node" \
          "$(printf '%q ' "$fleet_task" "$campaign" "$node" "$index" "$bench" --runs "$runs" "${bench_arguments[@]}")" \
          </dev/null >>"$campaign/tasks/$node.ssh.log" 2>&1 || complain "$node: the task of GPU $index ended with $?"
      done
    ) 9>&- &
  done
  wait
}

# Moves the recordings of all tasks to their place and notes which came from where.
gather() {
  local node index gpus task
  while IFS=$'\t' read -r node index gpus; do
    task=$campaign/tasks/$node.$index
    incoming=$task/results
    [ -d "$incoming" ] || continue
    # Of a campaign that was left while its tasks ran on.
    flock --nonblock "$task/lock" true || { complain "GPU $index of $node is being measured"; continue; }
    collect_recordings
    [ "${#collected[@]}" = 0 ] || printf '%s\n' "${collected[@]}" >>"$task/collected"
  done <"$campaign/plan.tsv"
}

why_unfinished() { # why_unfinished NODE INDEX
  local task=$campaign/tasks/$1.$2
  if task_running "$1" "$2"; then
    say "it is being measured"
  elif [ ! -f "$task/started" ]; then
    say "it was never started"
  elif [ ! -f "$task/exit_code" ]; then
    say "it did not end by itself: killed, cancelled, or the node was lost"
  elif [ "$(<"$task/exit_code")" = 77 ]; then
    say "nothing could run there: $(tail -n 1 "$task/log")"
  else
    say "it ended with $(<"$task/exit_code"): $(tail -n 1 "$task/log")"
  fi
}

# Writes report.md and prints it. Sets `fleet_code`.
report() {
  local file=$campaign/report.md node index gpus compare_code=0
  local -a recordings=()
  fleet_code=0
  {
    say "# notifier-bench, campaign ${campaign##*/}"
    say
    while IFS=$'\t' read -r node index gpus; do
      [ ! -f "$campaign/tasks/$node.$index/collected" ] ||
        mapfile -t -O "${#recordings[@]}" recordings <"$campaign/tasks/$node.$index/collected"
      if ! task_done "$node" "$index"; then
        fleet_code=$exit_incomplete
        say "- **not measured**: GPU $index of $node: $(why_unfinished "$node" "$index")"
      elif [ "$(<"$campaign/tasks/$node.$index/exit_code")" = 1 ]; then
        compare_code=1
        say "- **violation or failed case**: GPU $index of $node"
      fi
    done <"$campaign/plan.tsv"
    while IFS=$'\t' read -r node index; do say "- left out: $node: $index"; done <"$campaign/absent.tsv"
    say
    if [ "${#recordings[@]}" = 0 ]; then
      say "No recording."
    else
      "$tools/notifier_fleet" --smallest-effect "$smallest_effect" "${recordings[@]}"
      [ $? != 1 ] || compare_code=1
    fi
  } >"$file"
  cat "$file"
  [ "$compare_code" = 0 ] || fleet_code=1
}
