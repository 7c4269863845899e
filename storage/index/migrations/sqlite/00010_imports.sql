-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none.

-- Batches of files from older recorders: doc is what people said of it, as JSON;
-- the counts follow import_files.
CREATE TABLE imports (
  id         TEXT PRIMARY KEY,
  at         INTEGER NOT NULL,
  state      TEXT    NOT NULL,
  doc        TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER NOT NULL,
  error      TEXT    NOT NULL,
  files      INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  stored     INTEGER NOT NULL,
  duplicate  INTEGER NOT NULL,
  refused    INTEGER NOT NULL,
  remarked   INTEGER NOT NULL,
  audio_ms   INTEGER NOT NULL
);
CREATE INDEX imports_at    ON imports (at, id);
CREATE INDEX imports_state ON imports (state);

-- The files of batches and their fates. A file that waits and has a call is
-- about to become that call, or was when the power failed.
CREATE TABLE import_files (
  batch       TEXT    NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  path        TEXT    NOT NULL,
  bytes       INTEGER NOT NULL,
  modified_at INTEGER NOT NULL,
  fate        TEXT    NOT NULL,
  call        TEXT    NOT NULL,
  code        TEXT    NOT NULL,
  text        TEXT    NOT NULL,
  remarks     TEXT    NOT NULL,
  duration_ms INTEGER NOT NULL,
  sha256      TEXT    NOT NULL,
  PRIMARY KEY (batch, path)
) WITHOUT ROWID;
CREATE INDEX import_files_fate ON import_files (batch, fate, path);
CREATE INDEX import_files_call ON import_files (call) WHERE fate = 'waiting' AND call <> '';

-- The same file twice is one call: files that were brought in are found by what
-- they are. Recordings of our own are left out, which keeps this small.
CREATE INDEX parts_hash ON parts (sha256) WHERE codec <> 'opus';
