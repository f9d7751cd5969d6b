-- Few messages are given up: they are listed and counted without reading all that were delivered.
create index concurrently if not exists hook_delivery_dead
    on hook_delivery (created_at desc, id desc) where status = 'DEAD';
create index concurrently if not exists hook_delivery_dead_lately
    on hook_delivery (finished_at) where status = 'DEAD';
