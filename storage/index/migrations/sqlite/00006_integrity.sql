-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none.

-- What was found wrong. While it is open a problem is one row.
CREATE TABLE problems (
  id          TEXT PRIMARY KEY,
  code        TEXT NOT NULL,
  call        TEXT NOT NULL,
  file        TEXT NOT NULL,
  text        TEXT NOT NULL,
  found_at    INTEGER NOT NULL,
  resolved_at INTEGER NOT NULL,
  resolved_by TEXT NOT NULL,
  reason      TEXT NOT NULL
);
CREATE UNIQUE INDEX problems_open ON problems (code, call, file) WHERE resolved_at = 0;
CREATE INDEX problems_resolved    ON problems (resolved_at, found_at, id);
CREATE INDEX problems_code        ON problems (code, found_at);

-- How far the check of the archive has come, as JSON.
CREATE TABLE scrub (
  name TEXT PRIMARY KEY,
  doc  TEXT NOT NULL
);
