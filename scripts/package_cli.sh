#!/usr/bin/env bash
# Makes what users of the command line install: scripts/package_cli.sh VERSION DIR [SYSTEM…]
#   heimdall-cli-VERSION-SYSTEM.tar.gz   one file for a system that needs no .NET, by default for each of `systems` below
#   Heimdall.Cli.VERSION.nupkg           the same as a .NET tool
#   Heimdall.Client.VERSION.nupkg        the library
# Nothing is written into the source folders, so that other builds may run meanwhile.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

readonly version=${1:?the version is missing}
mkdir -p "${2:?the directory to write to is missing}"
target=$(cd "$2" && pwd -P)
shift 2
systems=(linux-x64 linux-arm64 osx-arm64 win-x64)
if (($# > 0)); then systems=("$@"); fi
readonly packages=(Heimdall.Client Heimdall.Cli)
scratch=

main() {
  local system package
  require_dotnet
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  for system in "${systems[@]}"; do make_single_file "$system"; done
  for package in "${packages[@]}"; do
    run_dotnet pack "$package" -o "$target"
  done
}

make_single_file() { # SYSTEM
  local folder=$scratch/$1 program=heimdall
  run_dotnet publish Heimdall.Cli -r "$1" --self-contained -p:PublishSingleFile=true -p:DebugType=none -o "$folder/all"
  if [[ $1 == win-* ]]; then program=heimdall.exe; fi
  mkdir "$folder/one"
  cp "$folder/all/$program" "$root/LICENSE" "$root/NOTICE" "$folder/one"
  tar -czf "$target/heimdall-cli-$version-$1.tar.gz" -C "$folder/one" "$program" LICENSE NOTICE
}

run_dotnet() {
  (cd "$root" && dotnet "$@" -c Release -v quiet -clp:NoSummary --disable-build-servers \
    --artifacts-path "$scratch/artifacts" -p:Version="$version")
}

main
