#!/usr/bin/env bash
# Runs Heimdall on this machine: a private PostgreSQL, the API and one worker. Needs the .NET SDK and PostgreSQL, which it
# installs where it may, or names. Ctrl-C stops it all.
# Made for Linux and macOS, bash 3.2 or newer; scripts/postgres.sh says where the server comes from.
#   HEIMDALL_PORT     port of the API (9090)
#   HEIMDALL_PG_PORT  port of PostgreSQL (9092, or the next free one)
#   HEIMDALL_KEY      a key that each request needs (none: whoever reaches the port on this machine may do everything)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/postgres.sh
source "$root/scripts/postgres.sh"

readonly state=$root/.heimdall
readonly default_port=9090 default_pg_port=9092
readonly drain_seconds=45 # the worker's drain_timeout (30 s), its roll-back and what it takes at most to end (13 s)
port=${HEIMDALL_PORT:-$default_port}
key=${HEIMDALL_KEY:-}
unset HEIMDALL_KEY # no program of this run needs it, and the environment of a process can be read
readonly shortest_key=20
config=$root/configs/local.yaml
build_pid=
started=   # the programs that this run started
impatient= # Ctrl-C was pressed again
revived=() # when a killed program was started again
readonly max_revivals=5 # a minute

main() {
  require_dotnet
  check_port_number HEIMDALL_PORT "$port"
  check_port_number HEIMDALL_PG_PORT "${HEIMDALL_PG_PORT:-$default_pg_port}"
  check_key
  make_state_directory
  take_lock
  trap shut_down EXIT
  trap 'exit 0' INT TERM HUP

  say "Starting Heimdall; the first time takes a minute or two …"
  stop_leftover_programs
  check_api_port
  start_build
  start_postgres
  finish_build
  write_config
  start_program api "$(program_of api)"
  start_program worker "$(program_of worker)"
  wait_until_ready
  print_usage
  watch
}

check_port_number() {
  if [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] && (($2 < 65536)); then return; fi
  die "$1 is '$2', which is not a port. For example: $1=9191 ./run.sh"
}

# What a header may hold, and long enough not to be guessed.
check_key() {
  if [[ -z $key || ($key =~ ^[A-Za-z0-9._~+/=-]+$ && ${#key} -ge $shortest_key) ]]; then return; fi
  die "HEIMDALL_KEY must have at least $shortest_key letters, digits and . _ ~ + / = -, such as: HEIMDALL_KEY=$(new_key) ./run.sh"
}

new_key() { LC_ALL=C tr -dc a-f0-9 </dev/urandom 2>/dev/null | head -c 64 || true; }

make_state_directory() {
  if mkdir -p "$state/log" "$state/run" 2>/dev/null && [[ -O $state || $EUID == 0 ]]; then return; fi
  if [[ ! -e $state ]]; then die "$root cannot be written. Copy the repository to a directory of yours and run it there."; fi
  die "$state belongs to $(owner_of "$state"). Run this as that user, or start afresh: sudo rm -rf $(quoted "$state")"
}

# The lock goes with the process, however that ends; the pid in the file is for people, and for a machine without flock.
take_lock() {
  local holder
  exec 9>>"$state/lock"
  holder=$(cat "$state/lock")
  if has flock; then
    flock -n 9 || already_running "$holder"
  elif [[ -n $holder && $(command_line_of "$holder") == *run.sh* ]]; then
    already_running "$holder"
  fi
  say $$ >"$state/lock"
}

already_running() { die "Heimdall already runs from this directory: ./run.sh with pid $1. Stop it first: kill $1"; }

# A run.sh that was killed (kill -9) could not stop these itself.
stop_leftover_programs() {
  local name
  for name in worker api; do
    if is_running "$name"; then say "Stopping the $name that an earlier run.sh left running (pid $(pid_of "$name")) …"; fi
  done
  stop_programs worker api
}

# The API's port is in people's scripts: never another one unasked.
check_api_port() {
  if port_in_use "$port"; then
    die "Port $port is taken by another program. Give the API another one: HEIMDALL_PORT=$(free_port_from 9191) ./run.sh"
  fi
}

# Only what runs, without its tests and analyzers: they are test.sh's business. In a place of its own: a build during the
# run must not write over what is loaded, and test.sh must not find built what no analyzer has seen.
start_build() {
  start_group build scripts/programs.slnf --artifacts-path "$state/build" -p:RunAnalyzers=false >"$state/log/build.log" 2>&1
  build_pid=$started_pid
}

finish_build() {
  local status=0
  wait "$build_pid" || status=$?
  build_pid=
  if ((status != 0)); then
    cat "$state/log/build.log" >&2
    die "The build failed: see above."
  fi
}

start_postgres() {
  pg_find_or_install "$(pg_version_of "$state/postgres/data")"
  pg_use_home "$state/postgres"
  if [[ -n $(pg_pid) ]]; then say "Stopping the PostgreSQL that an earlier run.sh left running (pid $(pg_pid)) …"; fi
  pg_stop fast
  choose_pg_port
  pg_init make_databases
  restrict_superuser
  pg_start -c max_connections=200 || {
    tail -n 20 "$pg_home/server.log" >&2
    die "PostgreSQL did not start: see above. If its data does not matter, start afresh: rm -rf $(quoted "$pg_home")"
  }
}

# A detail that the configuration follows, unless it was asked for.
choose_pg_port() {
  pg_port=${HEIMDALL_PG_PORT:-$default_pg_port}
  if ! port_in_use "$pg_port"; then return; fi
  if [[ -n ${HEIMDALL_PG_PORT:-} ]]; then
    die "Port $pg_port is taken by another program. Give PostgreSQL another one: HEIMDALL_PG_PORT=$(free_port_from 9292) ./run.sh"
  fi
  pg_port=$(free_port_from 9192)
  say "Port $default_pg_port is taken by another program; PostgreSQL gets port $pg_port."
}

# Everyone on this machine reaches the port, but only the server's user the socket: a superuser may run programs as that user.
restrict_superuser() {
  cat >"$pg_home/data/pg_hba.conf" <<'HBA'
local all all           trust
host  all heimdall,demo 127.0.0.1/32 trust
HBA
}

# Once, while the data directory is made: what is dropped later stays dropped.
make_databases() { login_sql | pg_single postgres && sample_sql | pg_single demo; }

login_sql() {
  cat <<'SQL'
create role heimdall login;

create role demo login;

create database heimdall owner heimdall;

create database demo owner demo;

revoke connect, temporary on database heimdall from public;
SQL
}

# Without its empty lines it is one command, and so one transaction.
sample_sql() {
  say 'set role demo;'
  sed '/^$/d' "$root/configs/sql/create_employees.sql"
}

# As Heimdall.Api --new-key prints it, of a key that is there. The salt is 16 characters, and so bytes, of text.
hash_of() {
  local salt digest
  salt=$(new_key | head -c 16)
  digest=$(printf '%s%s' "$salt" "$1" | { sha256sum 2>/dev/null || shasum -a 256; })
  # shellcheck disable=SC2001,SC2059
  say "sha256:$(printf %s "$salt" | base64):$(printf "$(sed 's/../\\x&/g' <<<"${digest%% *}")" | base64)"
}

# configs/local.yaml has the usual ports in it, and no key.
write_config() {
  if ((port == default_port && pg_port == default_pg_port)) && [[ -z $key ]]; then return; fi
  local sql_directory auth=auth:
  if [[ -n $key ]]; then auth="auth: {api_keys: [{user: admin, hash: \"$(hash_of "$key")\"}], roles: [{role: admin, users: [admin]}]}"; fi
  sql_directory=$(printf %s "$root/configs/sql" | sed -e "s/'/''/g" -e 's/[\\&|]/\\&/g') # quoted for YAML, then for sed
  sed -e "s|127\.0\.0\.1:$default_port|127.0.0.1:$port|g" \
    -e "s|127\.0\.0\.1:$default_pg_port|127.0.0.1:$pg_port|g" \
    -e "s|^auth:.*|$auth|" \
    -e "s|^sql_directory:.*|sql_directory: '$sql_directory'|" "$config" >"$state/local.yaml"
  config=$state/local.yaml
}

log_of() { say "$state/log/$1.log"; }

program_of() {
  case $1 in
    api) say "$state/build/bin/Heimdall.Api/release/Heimdall.Api.dll" ;;
    worker) say "$state/build/bin/Heimdall.Worker/release/Heimdall.Worker.dll" ;;
  esac
}

pid_of() { cat "$state/run/$1.pid" 2>/dev/null || true; }

# The pid that an earlier run.sh wrote may be another program's by now.
is_running() {
  local pid
  pid=$(pid_of "$1")
  if [[ $started == *" $1 "* ]]; then
    kill -0 "$pid" 2>/dev/null
  else
    [[ -n $pid && $(command_line_of "$pid") == *"$(program_of "$1")"* ]]
  fi
}

start_program() {
  local name=$1 dll=$2 log
  log=$(log_of "$name")
  if [[ -e $log ]]; then mv -f "$log" "$log.1"; fi
  start_group dotnet "$dll" --config "$config" >"$log" 2>&1
  say "$started_pid" >"$state/run/$name.pid"
  started+=" $name "
}

stop_programs() {
  local name deadline=$((SECONDS + drain_seconds))
  for name in "$@"; do
    if is_running "$name"; then kill -TERM "$(pid_of "$name")" 2>/dev/null || true; fi
  done
  for name in "$@"; do
    while is_running "$name"; do
      if [[ -n $impatient ]] || ((SECONDS >= deadline)); then
        say "Killing the $name, which has not stopped yet."
        kill_group KILL "$(pid_of "$name")"
      fi
      pause 0.1
    done
    rm -f "$state/run/$name.pid"
  done
}

# Unlike a sleep in the foreground, ends at once when a signal comes.
pause() {
  sleep "$1" 9>&- &
  wait $! || true
}

shut_down() {
  local status=$?
  trap - EXIT
  trap 'impatient=yes' INT TERM HUP
  if [[ -n $started ]]; then say "Stopping; running jobs get 30 seconds to finish (Ctrl-C again: none) …"; fi
  if [[ -n $build_pid ]]; then kill_group TERM "$build_pid"; fi
  stop_programs worker api
  pg_stop fast
  if ((status == 0)); then say "Stopped. The data stays in $state."; fi
  exit "$status"
}

http_status() {
  local status
  {
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    IFS=' ' read -r -t 5 _ status _ <&3
  } 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" && say "$status"
}

wait_until_ready() {
  local deadline=$((SECONDS + 60))
  until [[ $(http_status "$port" /readyz 2>/dev/null) == 200 ]]; do
    check_programs
    if ((SECONDS >= deadline)); then give_up api "The API is not ready after a minute (http://127.0.0.1:$port/readyz)."; fi
    pause 0.2
  done
  check_programs
}

check_programs() {
  local name code=0
  for name in api worker; do
    if is_running "$name"; then continue; fi
    wait "$(pid_of "$name")" || code=$?
    give_up "$name" "The $name has ended by itself, with exit code $code."
  done
  if [[ -z $(pg_pid) ]]; then
    tail -n 20 "$pg_home/server.log" >&2
    die "PostgreSQL has ended by itself. The last lines of $pg_home/server.log are above; ./run.sh starts it again."
  fi
}

give_up() {
  tail -n 20 "$(log_of "$1")" >&2
  die "$2 The last lines of $(log_of "$1") are above."
}

print_usage() {
  local api=http://127.0.0.1:$port psql="" header=""
  # shellcheck disable=SC2016
  if [[ -n $key ]]; then header=' -H "Authorization: Bearer $HEIMDALL_KEY"'; fi
  if [[ -x $pg_bin/psql ]]; then psql="$pg_bin/psql "; fi
  cat <<USAGE

Heimdall runs. Try a query:

  curl -s $api/api/v1/job$header -H 'Content-Type: application/json' -d '{
    "name": "first-query", "version": "0.0.1",
    "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
    "context": {"query": "select * from employees limit 10", "return_result": true}}'

a file of statements, from configs/sql (runs in the worker; the reply has its id):

  curl -s $api/api/v1/job$header -H 'Content-Type: application/json' -d '{
    "name": "first-batch", "version": "0.0.1",
    "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
    "context": {"query": "create_employees.sql"}}'

  Dashboard   $api/hangfire
  Database    ${psql}postgresql://demo@127.0.0.1:$pg_port/demo
  Logs        $state/log/api.log, worker.log; $pg_home/server.log

Ctrl-C stops everything and leaves the data.
USAGE
}

# A program that was killed is started again, as a service manager would: its jobs are not lost, and others see that.
watch() {
  local name
  while true; do
    pause 1
    for name in api worker; do
      if ! is_running "$name"; then revive "$name"; fi
    done
    check_programs
  done
}

revive() {
  local name=$1 code=0
  wait "$(pid_of "$name")" 2>/dev/null || code=$?
  revived+=("$SECONDS")
  if ((code <= 128)); then give_up "$name" "The $name has ended by itself, with exit code $code."; fi
  local times=${#revived[@]}
  if ((times > max_revivals && SECONDS - revived[times - max_revivals - 1] < 60)); then
    give_up "$name" "The $name was killed again (signal $((code - 128))), for the ${times}th time."
  fi
  say "The $name was killed (signal $((code - 128))); starting it again."
  start_program "$name" "$(program_of "$name")"
}

main "$@"
