#!/usr/bin/env bash
# Installs a program where it is missing: scripts/install.sh PROGRAM PACKAGE 'Why it is needed.'
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

require_program "$@"
