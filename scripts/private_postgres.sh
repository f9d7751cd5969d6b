#!/usr/bin/env bash
# A PostgreSQL of one's own for as long as the caller wants it: scripts/private_postgres.sh DIR [options for postgres]
# Prints its port and the directory of its programs, a line each. It ends, and DIR is removed, when stdin is closed: so
# nothing is left behind either when the caller is killed. A line of stdin with a word for how (fast, immediate), and for
# how many seconds if not at once, stops the server so and starts it again; promote makes a primary of a standby. The word
# is then repeated. With --standby-of PORT it is a copy of the server there, and follows it. With --bin it prints only
# the directory of the programs.
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

copy_from() {
  as_server_user "$pg_bin/pg_basebackup" -h 127.0.0.1 -p "$1" -U postgres -D "$pg_home/data" -R -X stream -c fast --no-sync
}

clean_up() {
  pg_stop fast >&2
  rm -rf "${pg_home:-$directory}" "$directory"
}

main "$@"
