create index concurrently if not exists schedule_by_owner on schedule ("user", id) where removed_at is null;
