-- Where in which trace the job was submitted, as the W3C's traceparent; null when nobody traces it.
alter table job add column traceparent text;
