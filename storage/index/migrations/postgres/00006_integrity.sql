-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none.

-- What was found wrong. While it is open a problem is one row.
CREATE TABLE problems (
  id          TEXT COLLATE "C" PRIMARY KEY,
  code        TEXT COLLATE "C" NOT NULL,
  call        TEXT COLLATE "C" NOT NULL,
  file        TEXT COLLATE "C" NOT NULL,
  text        TEXT NOT NULL,
  found_at    BIGINT NOT NULL,
  resolved_at BIGINT NOT NULL,
  resolved_by TEXT COLLATE "C" NOT NULL,
  reason      TEXT NOT NULL
);
CREATE UNIQUE INDEX problems_open ON problems (code, call, file) WHERE resolved_at = 0;
CREATE INDEX problems_resolved    ON problems (resolved_at, found_at, id);
CREATE INDEX problems_code        ON problems (code, found_at);

-- How far the check of the archive has come, as JSON.
CREATE TABLE scrub (
  name TEXT COLLATE "C" PRIMARY KEY,
  doc  TEXT NOT NULL
);
