#!/usr/bin/env bash
# Makes .env for `docker compose up`: scripts/make_env.sh [FILE]
# Fills what is empty in it with random passwords and an API key. What has a value keeps it, so that it can be run again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

readonly file=${1:-$root/.env}

main() {
  local name
  umask 077 # the key and the passwords are for this user only
  if [[ ! -e $file ]]; then cp "$root/.env.example" "$file"; fi
  chmod 600 "$file"
  for name in HEIMDALL_POSTGRES_PASSWORD HEIMDALL_DB_PASSWORD HEIMDALL_DEMO_PASSWORD; do
    fill "$name" "$(random_hex 24)"
  done
  if [[ -n $(value_of HEIMDALL_KEY_HASH) && -z $(value_of HEIMDALL_KEY) ]]; then
    say "$file is complete. HEIMDALL_KEY stays empty: no key can be made from the HEIMDALL_KEY_HASH that is there." \
      "For a new key, empty HEIMDALL_KEY_HASH and run this again."
    return
  fi
  fill HEIMDALL_KEY "hk_$(random_hex 32)"
  # A key that was changed by hand gets its hash with HEIMDALL_KEY_HASH= left empty.
  fill HEIMDALL_KEY_HASH "$(hash_of "$(value_of HEIMDALL_KEY)")"
  say "$file is complete. The API key is in it, as HEIMDALL_KEY; Heimdall gets only its hash."
}

value_of() { sed -n "s/^$1=//p" "$file" | tail -n 1; }

# Sets $1 to $2 unless it has a value.
fill() {
  local next=$file.new
  if [[ -n $(value_of "$1") ]]; then return; fi
  {
    grep -v "^$1=" "$file" || true
    printf '%s=%s\n' "$1" "$2"
  } >"$next"
  mv -f "$next" "$file"
}

random_hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# As Heimdall.Api --new-key makes it: sha256:<salt>:<SHA-256 of salt and key>, both in base64.
hash_of() {
  local salt digest
  salt=$(random_hex 16)
  digest=$(printf %s "$salt$1" | sha256 | sed 's/../\\x&/g')
  # shellcheck disable=SC2059
  say "sha256:$(printf %s "$salt" | base64 | tr -d '\n'):$(printf "$digest" | base64 | tr -d '\n')"
}

sha256() {
  if has sha256sum; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

main
