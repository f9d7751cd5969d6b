#!/usr/bin/env bash
# Makes what a release hands out: scripts/package.sh VERSION DIR
#   heimdall-VERSION.tar.gz      all programs, for the ASP.NET Core 10 runtime on any system, the pages, and an example configuration
#   heimdall-cli-VERSION-SYSTEM.tar.gz, Heimdall.Cli.VERSION.nupkg, …   what scripts/package_cli.sh makes
#   Heimdall.Api.cdx.json, …     what each program is made of (CycloneDX)
#   notes.md                     the part of CHANGELOG.md about this version
#   SHA256SUMS                   of the files above
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

readonly version=${1:?the version is missing} target=${2:?the directory to write to is missing}
readonly name=heimdall-$version
readonly programs=(Heimdall.Api Heimdall.Worker Heimdall.Cli)
# The pages, and each file that one of them links to.
readonly files=(README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE NOTICE Dockerfile
  compose.yaml configs/local.yaml configs/sql configs/kubernetes configs/nginx configs/systemd docs)

main() {
  require_dotnet
  mkdir -p "$target"
  "$root/scripts/release_notes.sh" "$version" >"$target/notes.md"
  make_package
  "$root/scripts/package_cli.sh" "$version" "$target"
  list_parts
  (cd "$target" && rm -f SHA256SUMS && sha256sum -- * >SHA256SUMS)
  say "$target has the release $version."
}

make_package() {
  local program file staging=$target/$name
  rm -rf "$staging"
  for program in "${programs[@]}"; do
    (cd "$root" && dotnet publish "$program" -c Release -v quiet -p:UseAppHost=false -o "$staging/$program")
  done
  mkdir "$staging/configs"
  for file in "${files[@]}"; do cp -R "$root/$file" "$staging/$file"; done
  tar -czf "$target/$name.tar.gz" -C "$target" "$name"
  rm -rf "$staging"
}

list_parts() {
  local program
  (cd "$root" && dotnet tool restore >/dev/null)
  for program in "${programs[@]}"; do
    (cd "$root" && dotnet tool run dotnet-CycloneDX "$program/$program.csproj" --set-version "$version" \
      --output-format Json --output "$target" --filename "$program.cdx.json" >/dev/null)
  done
}

main
