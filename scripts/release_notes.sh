#!/usr/bin/env bash
# Prints the part of CHANGELOG.md about a version: scripts/release_notes.sh VERSION
# Fails unless the version is that of Directory.Build.props and CHANGELOG.md has a section of it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

readonly version=${1:?the version is missing}

own=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props")
if [[ $own != "$version" ]]; then
  die "The version in Directory.Build.props is $own, and $version is asked for. Change one of them."
fi

# From the version's heading to the next one. The heading may have a date behind the version.
notes=$(awk -v heading="## $version" '
  /^## / { inside = $0 == heading || index($0, heading " ") == 1; next }
  inside' "$root/CHANGELOG.md")
if [[ -z $notes ]]; then
  die "CHANGELOG.md has no section '## $version' with something in it."
fi
say "$notes"
