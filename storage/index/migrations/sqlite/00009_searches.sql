-- +goose Up

-- Searches of the archive that people keep under a name; at is when one was
-- last changed.
CREATE TABLE searches (
  id     TEXT PRIMARY KEY,
  name   TEXT    NOT NULL,
  query  TEXT    NOT NULL,
  shared BOOLEAN NOT NULL,
  maker  TEXT    NOT NULL,
  at     INTEGER NOT NULL
);
CREATE INDEX searches_maker ON searches (maker);
CREATE INDEX searches_shared ON searches (maker) WHERE shared;
INSERT INTO locks (name, n) VALUES ('searches', 0);
