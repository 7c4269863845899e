-- +goose Up

-- What calls are found by where no index of calls answers: call_words has the
-- terms of each call under its place, which is in the order of the calls'
-- starts. sum is a hash of the terms; played_at is when somebody first played
-- the call, 0 if nobody has.
CREATE TABLE call_terms (
  place     INTEGER PRIMARY KEY,
  call      TEXT    NOT NULL UNIQUE,
  sum       INTEGER NOT NULL,
  played_at INTEGER NOT NULL
);
CREATE VIRTUAL TABLE call_words USING fts5 (terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- Which form the terms of all calls have, and how far down those of another form
-- have come that are being made; 0 and empty if none.
CREATE TABLE terms_version (
  version INTEGER NOT NULL,
  making  INTEGER NOT NULL,
  after   TEXT    NOT NULL
);
INSERT INTO terms_version (version, making, after) VALUES (0, 0, '');

CREATE INDEX calls_agent_name ON calls (agent_name, started_at, id) WHERE agent_name <> '';
