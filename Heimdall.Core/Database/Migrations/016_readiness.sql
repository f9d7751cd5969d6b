-- A queue of which a process takes one, and puts it back, to see whether the store can be written. It holds nothing.
create table readiness (
    place    integer primary key,
    taken_at timestamptz not null default now()
);
insert into readiness (place) select generate_series(1, 8);
