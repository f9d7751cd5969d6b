#!/usr/bin/env bash
# Makes the pictures of README.md from the running product: docs/images/*.png. Starts Heimdall where it does not run.
#   HEIMDALL_PORT  port of the API (9090)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

readonly api=http://127.0.0.1:${HEIMDALL_PORT:-9090}
readonly images=$root/docs/images
readonly largest=150000 # bytes of a picture
run_pid=
browser=

# A job whose second statement divides by zero.
close_month=$(
  cat <<'JOB'
{"name": "close-month", "tags": ["payroll"], "description": "Closes the month of November", "context": {"query":
"-- The books of November.\nupdate employees set salary = salary + 50\nwhere department = 'Accounting';\n\ninsert into salary_audit (department, percent, employees)\nselect 'Accounting', 100 / count(*) filter (where salary > 99999), count(*)\nfrom employees;\n\nanalyze employees;\n"}}
JOB
)
readonly close_month

main() {
  has curl || die "curl is missing. Install it (Debian: sudo apt-get install curl) and run this again."
  browser=$(command -v chromium-headless-shell || command -v chromium) ||
    die "chromium is missing. Install it (Debian: sudo apt-get install chromium) and run this again."
  trap stop_heimdall EXIT
  curl -sf "$api/readyz" >/dev/null || start_heimdall
  make_jobs
  mkdir -p "$images"
  take overview 1180,1000 "$api/hangfire"
  take jobs 1180,700 "$api/hangfire/sql/jobs"
  take job 1180,900 "$api/hangfire/sql/jobs/$failed"
  cancel "$running"
}

start_heimdall() {
  local deadline=$((SECONDS + 300))
  start_group "$root/run.sh" >/dev/null
  run_pid=$started_pid
  until curl -sf "$api/readyz" >/dev/null; do
    if ! kill -0 "$run_pid" || ((SECONDS >= deadline)); then die "Heimdall did not start: ./run.sh says why."; fi
    sleep 0.5
  done
}

stop_heimdall() {
  if [[ -z $run_pid ]]; then return; fi
  kill -TERM "$run_pid" 2>/dev/null || true
  wait "$run_pid" || true
}

# Something of each kind, made by several people.
make_jobs() {
  submit ada 'wait=10' '{"name": "load-staff", "context": {"query": "create_employees.sql"}}' >/dev/null
  submit grace 'wait=10' '{"name": "raise", "tags": ["payroll"], "context": {"query": "raise_salaries.sql"}}' >/dev/null
  submit ada 'respond-async, wait=10' '{"name": "headcount", "context": {"query": "headcount.sql", "return_result": true}}' >/dev/null
  submit luca '' '{"name": "top-earners", "context": {"return_result": true,
    "query": "select name, salary from employees order by salary desc limit 3"}}' >/dev/null
  failed=$(submit luca 'wait=10' "$close_month" | id_of)
  running=$(submit grace '' '{"name": "rebuild-report", "context": {"query": "select count(*) from employees;\nselect pg_sleep(300);\nanalyze employees;"}}' | id_of)
  until [[ $(curl -s "$api/api/v1/job/$running/status") == *RUNNING* ]]; do sleep 0.2; done
}

# As a user, with what is preferred, a job without its criteria.
submit() {
  curl -sS --fail-with-body "$api/api/v1/job" -H 'Content-Type: application/json' -H "X-Heimdall-User: $1" -H "Prefer: $2" \
    -d "{\"command_criteria\": [\"type:postgres\"], \"cluster_criteria\": [\"data:local\"], ${3#\{}"
}

id_of() { grep -o '"id":"[^"]*"' | head -n 1 | cut -d'"' -f4; }

cancel() { curl -sS -X POST "$api/api/v1/job/$1/cancel" >/dev/null; }

take() {
  local picture=$images/$1.png size
  # As root Chromium has no sandbox.
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 \
    --window-size="$2" --virtual-time-budget=3000 --screenshot="$picture" "$3" >/dev/null 2>&1
  size=$(wc -c <"$picture")
  if ((size > largest)); then die "$picture has $size bytes, more than $largest."; fi
  say "$picture ($size bytes)"
}

main "$@"
