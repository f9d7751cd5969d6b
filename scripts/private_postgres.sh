#!/usr/bin/env bash
# A PostgreSQL of one's own for as long as the caller wants it: scripts/private_postgres.sh DIR [options for postgres]
# Prints its port and the directory of its programs, a line each. It ends, and DIR is removed, when stdin is closed: so
# nothing is left behind either when the caller is killed. A line of stdin with a word for how (fast, immediate) stops the
# server so and starts it again, and is then repeated. With --bin it prints only that directory.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/postgres.sh
source "$root/scripts/postgres.sh"

directory=

main() {
  if [[ ${1:-} == --bin ]]; then
    pg_find_or_install >&2
    say "$pg_bin"
    return
  fi
  directory=${1:?the directory for the server\'s files is missing}
  shift
  trap clean_up EXIT
  trap '' INT TERM HUP # a Ctrl-C reaches this too, and the caller may need the server to end in order
  pg_find_or_install >&2
  pg_use_home "$directory"
  pg_init --no-sync
  pg_start_on_any_port "$@" >&2
  say "$pg_port"
  say "$pg_bin"
  while read -r mode; do
    pg_stop "$mode" >&2
    until pg_start "$@" >&2; do sleep 1; done # its port may have been somebody's for a moment
    say "$mode"
  done
}

clean_up() {
  pg_stop >&2
  rm -rf "${pg_home:-$directory}" "$directory"
}

main "$@"
