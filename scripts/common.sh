# What the scripts share. Sourced, with `root` set to the repository and `set -euo pipefail` in force.
# shellcheck shell=bash

: "${root:?}"
started_pid= # of the last start_group

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '%s\n' "$*"; }

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# For a path in a command that people copy.
quoted() { printf %q "$1"; }

has() { command -v "$1" >/dev/null 2>&1; }

owner_of() { stat -c %U "$1" 2>/dev/null || stat -f %Su "$1"; }

port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first port from $1 on that nobody listens on.
free_port_from() {
  local port=$1
  while port_in_use "$port"; do port=$((port + 1)); done
  say "$port"
}

# A slim image has no ps, a Mac no /proc.
command_line_of() {
  if [[ -r /proc/$1/cmdline ]]; then
    tr '\0' ' ' <"/proc/$1/cmdline"
  elif has ps; then
    ps -o command= -p "$1"
  fi 2>/dev/null || true
}

# Runs "$@" in the background in a process group of its own (`kill -- -$started_pid` reaches all of it), so that the
# terminal's Ctrl-C reaches only the script, which then stops things in order. A Mac has no setsid; `set -m` works anywhere.
# 9 is run.sh's lock: a child that outlives run.sh must not keep it.
start_group() {
  set -m
  "$@" </dev/null 9>&- &
  # shellcheck disable=SC2034
  started_pid=$!
  set +m
}

kill_group() { kill "-$1" -- "-$2" 2>/dev/null || true; }

# The command by which a person installs something here: its Debian, Fedora, Alpine, Arch and Homebrew names in this order.
install_command() {
  if has apt-get; then
    say "sudo apt-get install $1"
  elif has dnf; then
    say "sudo dnf install $2"
  elif has apk; then
    say "sudo apk add $3"
  elif has pacman; then
    say "sudo pacman -S $4"
  elif has brew; then
    say "brew install $5"
  else
    say "with this system's package manager"
  fi
}

require_dotnet() {
  has dotnet || die "The .NET 10 SDK is missing. Install it and run this again: $(install_command dotnet-sdk-10.0 dotnet-sdk-10.0 dotnet10-sdk dotnet-sdk dotnet-sdk), or https://dot.net/download"
  (cd "$root" && dotnet --version >/dev/null 2>&1) ||
    die "The installed .NET SDK is not the one global.json asks for. Install .NET SDK 10 (https://dot.net/download) and run this again."
}

# Installs a program where it is missing and apt-get may: install_program PROGRAM PACKAGE
install_program() {
  local program=$1 package=$2 sudo=()
  if has "$program"; then return; fi
  if ! has apt-get; then return 1; fi
  if ((EUID != 0)); then
    has sudo && sudo -n true 2>/dev/null || return 1
    sudo=(sudo -n)
  fi
  say "Installing $package (apt-get install $package) …"
  ${sudo[@]+"${sudo[@]}"} apt-get update -qq &&
    ${sudo[@]+"${sudo[@]}"} apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "$package" >/dev/null </dev/null
}

# For what cannot be done without: require_program PROGRAM PACKAGE 'Why it is needed.' All systems call the package so.
require_program() {
  install_program "$1" "$2" ||
    die "$1 is missing. $3 Install it and run this again: $(install_command "$2" "$2" "$2" "$2" "$2")"
}

# A program out of a Debian package that is not installed: its service would be started, and takes a port that somebody
# may need. unpack_program PROGRAM PACKAGE; it is in PATH from then on.
unpack_program() {
  local program=$1 package=$2 folder=${XDG_CACHE_HOME:-$HOME/.cache}/heimdall-programs/$2 scratch
  if has "$program"; then return; fi
  if [[ ! -d $folder ]]; then
    has apt-get && has dpkg-deb || return 1
    say "Unpacking $package (apt-get download $package) …"
    if ((EUID == 0)); then apt-get update -qq || true; fi
    mkdir -p "${folder%/*}"
    scratch=$(mktemp -d "$folder.XXXXXX")
    if ! (cd "$scratch" && apt-get download -qq "$package" >/dev/null 2>&1 && dpkg-deb -x ./*.deb root) ||
      ! mv -T "$scratch/root" "$folder" 2>/dev/null && [[ ! -d $folder ]]; then
      rm -rf "$scratch"
      return 1
    fi
    rm -rf "$scratch"
  fi
  PATH=$PATH:$folder/usr/bin:$folder/usr/sbin
  has "$program"
}

# One build at a time, whoever runs it: two at once would write the same obj/. No build server stays behind.
build() { dotnet_alone build "$@"; }

dotnet_alone() {
  local command=(dotnet "$@" -c Release -v quiet -clp:NoSummary --disable-build-servers)
  mkdir -p "$root/.heimdall"
  if has flock; then command=(flock "$root/.heimdall/build.lock" "${command[@]}"); fi
  (cd "$root" && "${command[@]}")
}
