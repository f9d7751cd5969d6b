#!/usr/bin/env bash
# Runs the whole suite against a PostgreSQL of its own: ./test.sh [arguments for dotnet test, such as --filter NAME]
# Made for Linux; scripts/postgres.sh says where the server comes from.
# ./test.sh --fast leaves out the tests of category RealProcesses: processes of Heimdall, browsers, servers of a test's own.
# The last line is `N passed, N failed`; the exit code is 0 only if tests ran and none failed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/postgres.sh
source "$root/scripts/postgres.sh"

readonly built=$root/Heimdall.Tests/bin/published
scratch=
arguments=() # for dotnet test, when some of the tests are left out
passed=0 failed=1 skipped=0 # until a report says otherwise: a suite that did not run has failed

main() {
  require_dotnet
  require_program curl curl "The commands of README.md and docs/ are among the tests."
  if [[ ${1:-} == --fast ]]; then
    shift
    leave_out_processes "$@"
    set -- "${arguments[@]}"
  else
    require_program chromium chromium 'The dashboard is tested as its users see it.'
    require_program wrk wrk 'The benchmarks send requests with it, and are tested.'
    PATH=$PATH:/usr/sbin # not in everybody's
    require_program pgbouncer pgbouncer 'Clusters behind a pooler are tested.'
  fi
  install_program shellcheck shellcheck || say 'shellcheck cannot be installed here, so the test of the scripts is skipped.'
  trap report EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch=$(mktemp -d "$(scratch_parent)/heimdall-test.XXXXXX")
  chmod 755 "$scratch" # PostgreSQL's user has to get to its files
  export TMPDIR=$scratch # for what the tests write themselves
  # In the environment of all that the tests start, wherever they start it: see kill_strays.
  export HEIMDALL_TEST_RUN=$scratch
  export DOTNET_TieredPGO=0 # no program here lives so long that its profile pays

  build_in_background
  start_postgres
  wait "$started_pid" || die "The build failed: see above."
  run_tests "$@"
}

# Sets arguments: "$@" with one filter more. dotnet test takes one filter only.
leave_out_processes() {
  local filter='TestCategory!=RealProcesses'
  arguments=()
  while (($# > 0)); do
    if [[ $1 == --filter ]]; then
      filter="$filter&(${2:?the filter is missing})"
      shift
    else
      arguments+=("$1")
    fi
    shift
  done
  arguments+=(--filter "$filter")
}

# The suite makes and drops hundreds of databases of 300 files each. In memory that costs half of what it costs on a disk.
scratch_parent() {
  local free
  free=$(df -kP /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }') || true
  if [[ -w /dev/shm && ${free:-0} -gt $((6 * 1024 * 1024)) ]]; then say /dev/shm; else say /tmp; fi
}

# Compiled ahead of time too: most of what the tests start lives for seconds, and half of these went to the compiler.
build_in_background() {
  start_group dotnet_alone publish Heimdall.Tests --use-current-runtime --no-self-contained -p:PublishReadyToRun=true \
    -o "$built" -warnaserror
}

# Nothing here outlives the run, so nothing is written with care. Enough connections for fixtures in parallel.
start_postgres() {
  local options=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off
    -c max_connections=400 -c shared_buffers=256MB -c max_prepared_transactions=0)
  pg_clients='psql pg_dump pg_basebackup' # the tests compare with psql
  pg_find_or_install
  pg_use_home "$scratch/postgres"
  pg_init true --no-sync
  pg_start_on_any_port "${options[@]}"
  export HEIMDALL_TEST_DB="Host=127.0.0.1;Port=$pg_port;Username=postgres;Database=postgres"
  export HEIMDALL_TEST_PG_BIN=$pg_bin
}

# A test that hangs ends the run after ten minutes without a result, by name.
run_tests() {
  local status=0
  # For the same reason, code that is compiled twice to become faster does not pay.
  export DOTNET_TC_CallCounting=0
  start_group dotnet test "$built/Heimdall.Tests.dll" --results-directory "$scratch/results" \
    --logger trx --logger 'console;verbosity=normal' --blame-hang-timeout 10m --blame-hang-dump-type none "$@"
  wait "$started_pid" || status=$?
  kill_group KILL "$started_pid"
  count_results
  if ((status != 0 && failed == 0)); then
    failed=1
    say "dotnet test ended with exit code $status, although no test failed: see above."
  fi
}

# The sum over the reports, one for each test project: <Counters total="5" executed="4" passed="4" failed="0" … />.
# Whatever was executed and has not passed has failed: there are also error, timeout and aborted.
count_results() {
  local report counters total executed good
  failed=0
  for report in "$scratch"/results/*.trx; do
    [[ -e $report ]] || continue
    counters=$(grep -o '<Counters [^>]*>' "$report")
    total=$(counter total) executed=$(counter executed) good=$(counter passed)
    passed=$((passed + good)) failed=$((failed + executed - good)) skipped=$((skipped + total - executed))
    if ((executed > good)); then show_failures; fi
  done
}

# Once more at the end, where they are found: <UnitTestResult … testName="Name" … outcome="Failed" …> … <Message>…</Message>
show_failures() {
  say '' 'Failed:'
  awk -v RS='<UnitTestResult ' '/^[^>]* outcome="(Failed|Error|Timeout|Aborted)"/ {
    name = message = $0
    sub(/.* testName="/, "", name); sub(/".*/, "", name)
    if (sub(/.*<Message>/, "", message)) sub(/<\/Message>.*/, "", message); else message = ""
    print "  " name "\n    " substr(message, 1, 600)
  }' "$report"
}

counter() {
  local pattern=" $1=\"([0-9]+)\"" # in a variable: bash 3.2 does not read it in its place
  [[ $counters =~ $pattern ]] || die "A test report has no '$1'; its counters are: $counters"
  say "${BASH_REMATCH[1]}"
}

report() {
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n $scratch ]]; then clean_up; fi
  if ((skipped > 0)); then say "$skipped skipped"; fi
  say "$passed passed, $failed failed"
  ((failed == 0 && passed > 0)) || exit 1
}

clean_up() {
  if [[ -n $started_pid ]]; then
    kill_group KILL "$started_pid"
    wait "$started_pid" 2>/dev/null || true # without it, bash reports the kill
  fi
  pg_stop fast
  kill_strays
  rm -rf "$scratch"
}

# Servers and programs that tests started in sessions of their own.
kill_strays() {
  local environment pid
  while read -r environment; do
    pid=${environment#/proc/}
    kill -KILL "${pid%/environ}" 2>/dev/null || true
  done < <(grep -lzsx "HEIMDALL_TEST_RUN=$scratch" /proc/[0-9]*/environ)
}

main "$@"
