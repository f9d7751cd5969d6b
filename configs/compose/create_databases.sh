#!/usr/bin/env bash
# Runs once, when the postgres service makes its data directory: Heimdall's store, and a database to send jobs to.
set -euo pipefail

psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres <<'SQL'
\getenv store_password HEIMDALL_DB_PASSWORD
\getenv demo_password HEIMDALL_DEMO_PASSWORD

create role heimdall login password :'store_password';
create role demo login password :'demo_password';
create database heimdall owner heimdall;
create database demo owner demo;
revoke connect, temporary on database heimdall from public;
SQL

psql -X -q -v ON_ERROR_STOP=1 -U postgres -d demo -c 'set role demo' -f /heimdall/create_employees.sql
