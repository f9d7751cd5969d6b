#!/usr/bin/env bash
# A PostgreSQL of one's own for as long as the caller wants it: scripts/private_postgres.sh DIR [options for postgres]
# Prints its port and the directory of its programs, a line each. It ends, and DIR is removed, when stdin is closed: so
# nothing is left behind either when the caller is killed. A line of stdin with a word for how (fast, immediate), and for
# how many seconds if not at once, stops the server so and starts it again; promote makes a primary of a standby. The word
# is then repeated. With --standby-of PORT it is a copy of the server there, and follows it. With --server MAJOR it is of that
# version, of npm's programs; where these cannot be had, the exit code is 3. With --bin it prints only the directory of
# the programs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/postgres.sh
source "$root/scripts/postgres.sh"

directory=

main() {
  local mode pause primary=
  pg_clients='psql pg_dump pg_basebackup'
  if [[ ${1:-} == --bin ]]; then
    pg_find_or_install >&2
    say "$pg_bin"
    return
  fi
  if [[ ${1:-} == --server ]]; then
    HEIMDALL_PG_BIN=$(pg_fetch "$2") || exit 3
    export HEIMDALL_PG_BIN
    shift 2
  fi
  if [[ ${1:-} == --standby-of ]]; then
    primary=$2
    shift 2
  fi
  directory=${1:?the directory for the server\'s files is missing}
  shift
  trap clean_up EXIT
  trap '' INT TERM HUP # a Ctrl-C reaches this too, and the caller may need the server to end in order
  pg_find_or_install >&2
  pg_use_home "$directory"
  if [[ -n $primary ]]; then copy_from "$primary" >&2; else pg_init true --no-sync; fi
  pg_start_on_any_port "$@" >&2
  say "$pg_port"
  say "$pg_bin"
  while read -r mode pause; do
    if [[ $mode == promote ]]; then
      as_server_user "$pg_bin/pg_ctl" promote -D "$pg_home/data" -w -t 60 >&2
      say "$mode"
      continue
    fi
    pg_stop "$mode" >&2
    if [[ -n $pause ]]; then sleep "$pause"; fi
    until pg_start "$@" >&2; do sleep 1; done # its port may have been somebody's for a moment
    say "$mode"
  done
}

# The programs that PostgreSQL's server packages of npm lack.
client() { say "${HEIMDALL_TEST_PG_BIN:-$pg_bin}/$1"; }

copy_from() {
  local pattern=' ([0-9]+)'
  [[ $("$(client pg_basebackup)" --version) =~ $pattern ]]
  if ((BASH_REMATCH[1] < pg_major)); then
    copy_by_hand "$1"
  else
    as_server_user "$(client pg_basebackup)" -h 127.0.0.1 -p "$1" -U postgres -D "$pg_home/data" -R -X stream -c fast --no-sync
  fi
}

# A pg_basebackup copies no server that is newer than itself: this takes the same steps.
copy_by_hand() {
  local data=$pg_home/data
  as_server_user "$(client psql)" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U postgres -d postgres -v data="$data" <<'SQL'
select setting as source from pg_settings where name = 'data_directory' \gset
\setenv SOURCE :source
\setenv DATA :data
select from pg_backup_start('copy', true);
\! cp -a "$SOURCE" "$DATA"
\o :data/backup_label
select labelfile from pg_backup_stop(false);
SQL
  rm -f "$data/postmaster.pid" "$data/postmaster.opts"
  as_server_user touch "$data/standby.signal"
  say "primary_conninfo = 'host=127.0.0.1 port=$1 user=postgres'" >>"$data/postgresql.auto.conf"
}

clean_up() {
  pg_stop fast >&2
  rm -rf "${pg_home:-$directory}" "$directory"
}

main "$@"
