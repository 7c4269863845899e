-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none yet.

CREATE TABLE branches (
  id     TEXT PRIMARY KEY,
  name   TEXT NOT NULL,
  parent TEXT REFERENCES branches (id)
);
CREATE INDEX branches_parent ON branches (parent);

CREATE TABLE seats (
  id     TEXT PRIMARY KEY,
  name   TEXT NOT NULL,
  branch TEXT NOT NULL REFERENCES branches (id),
  kind   TEXT NOT NULL,
  cut    TEXT NOT NULL
);
CREATE INDEX seats_branch ON seats (branch);

CREATE TABLE seat_tokens (
  seat    TEXT    NOT NULL REFERENCES seats (id) ON DELETE CASCADE,
  hash    TEXT    NOT NULL,
  made_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (seat, hash)
);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  name          TEXT    NOT NULL,
  role          TEXT    NOT NULL,
  disabled      BOOLEAN NOT NULL,
  password_hash TEXT    NOT NULL
);

CREATE TABLE agents (
  id   TEXT PRIMARY KEY,
  name TEXT NOT NULL
);

-- Whoever must see a whole table unchanged until it commits updates the row
-- of that name first: it is a lock that both engines have.
CREATE TABLE locks (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL
);
INSERT INTO locks (name, n) VALUES ('branches', 0), ('users', 0);

-- number_reversed finds a number by its last digits; words is all that a text
-- search looks at, in lower case.
CREATE TABLE calls (
  id              TEXT PRIMARY KEY,
  seat            TEXT    NOT NULL,
  branch          TEXT    NOT NULL,
  agent           TEXT    NOT NULL,
  agent_name      TEXT    NOT NULL,
  kind            TEXT    NOT NULL,
  direction       TEXT    NOT NULL,
  number          TEXT    NOT NULL,
  number_reversed TEXT    NOT NULL,
  account         TEXT    NOT NULL,
  ticket          TEXT    NOT NULL,
  business        TEXT    NOT NULL,
  state           TEXT    NOT NULL,
  started_at      INTEGER NOT NULL,
  ended_at        INTEGER NOT NULL,
  duration_ms     INTEGER NOT NULL,
  channels        INTEGER NOT NULL,
  rating          INTEGER NOT NULL,
  node            TEXT    NOT NULL,
  words           TEXT    NOT NULL
);
CREATE INDEX calls_started   ON calls (started_at, id);
CREATE INDEX calls_seat      ON calls (seat, started_at, id);
CREATE INDEX calls_branch    ON calls (branch, started_at, id);
CREATE INDEX calls_agent     ON calls (agent, started_at, id);
CREATE INDEX calls_kind      ON calls (kind, direction, started_at, id);
CREATE INDEX calls_state     ON calls (state, started_at, id) WHERE state <> 'stored';
CREATE INDEX calls_number    ON calls (number_reversed, started_at, id) WHERE number_reversed <> '';
CREATE INDEX calls_account   ON calls (account, started_at, id) WHERE account <> '';
CREATE INDEX calls_ticket    ON calls (ticket, started_at, id) WHERE ticket <> '';
CREATE INDEX calls_business  ON calls (business, started_at, id) WHERE business <> '';
CREATE INDEX calls_rating    ON calls (rating, started_at, id) WHERE rating > 0;

CREATE TABLE parts (
  call        TEXT    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  n           INTEGER NOT NULL,
  file        TEXT    NOT NULL,
  track       TEXT    NOT NULL,
  codec       TEXT    NOT NULL,
  channels    INTEGER NOT NULL,
  start_ms    INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  sha256      TEXT    NOT NULL,
  clock       TEXT    NOT NULL,
  PRIMARY KEY (call, n)
) WITHOUT ROWID;

CREATE TABLE gaps (
  call     TEXT    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  i        INTEGER NOT NULL,
  side     TEXT    NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms   INTEGER NOT NULL,
  cause    TEXT    NOT NULL,
  PRIMARY KEY (call, i)
) WITHOUT ROWID;

-- maker and text of a private mark are looked for by its maker alone.
CREATE TABLE marks (
  call     TEXT    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  id       TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  side     TEXT    NOT NULL,
  start_ms INTEGER NOT NULL,
  end_ms   INTEGER NOT NULL,
  maker    TEXT    NOT NULL,
  text     TEXT    NOT NULL,
  words    TEXT    NOT NULL,
  shared   BOOLEAN NOT NULL,
  PRIMARY KEY (call, id)
) WITHOUT ROWID;
CREATE INDEX marks_maker ON marks (maker, shared);

-- Tags and flags carry their call's start, so that the newest calls of one can
-- be walked in order.
CREATE TABLE call_tags (
  call       TEXT    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  value      TEXT    NOT NULL,
  i          INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  PRIMARY KEY (call, value)
) WITHOUT ROWID;
CREATE INDEX call_tags_value ON call_tags (value, started_at, call);

CREATE TABLE call_flags (
  call       TEXT    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  value      TEXT    NOT NULL,
  i          INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  PRIMARY KEY (call, value)
) WITHOUT ROWID;
CREATE INDEX call_flags_value ON call_flags (value, started_at, call);

CREATE TABLE audit (
  id        TEXT PRIMARY KEY,
  at        INTEGER NOT NULL,
  who       TEXT    NOT NULL,
  came_from TEXT    NOT NULL,
  action    TEXT    NOT NULL,
  target    TEXT    NOT NULL,
  call      TEXT    NOT NULL,
  from_ms   INTEGER NOT NULL,
  to_ms     INTEGER NOT NULL,
  reason    TEXT    NOT NULL
);
CREATE INDEX audit_at     ON audit (at, id);
CREATE INDEX audit_who    ON audit (who, at, id);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_call   ON audit (call, at, id) WHERE call <> '';

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit rows are only ever added');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit rows are only ever added');
END;
-- +goose StatementEnd
-- An INSERT OR REPLACE deletes without firing the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'audit rows are only ever added');
END;
-- +goose StatementEnd

CREATE TABLE sessions (
  hash    TEXT PRIMARY KEY,
  data    BLOB    NOT NULL,
  expires INTEGER NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);
