-- How many attempts there were before somebody had it sent again: the pauses begin anew.
alter table hook_delivery add column attempts_before integer not null default 0;
