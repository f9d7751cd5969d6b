alter table job
    add column files      json,    -- the files that the script read beside itself: [{"path": path, "sha256": hash}]
    add column can_resume boolean; -- false of a script that took values from the server: it cannot begin in its middle
