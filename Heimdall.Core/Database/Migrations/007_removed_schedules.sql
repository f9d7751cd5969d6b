-- One process may have an older file than another: what leaves the file is kept for a while, with its pause and its history, in case it comes back.
alter table schedule add column removed_at timestamptz; -- null: it is there
