-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none yet. Text
-- is compared byte by byte, as SQLite does: so both engines sort alike, and a
-- plain index serves a range of prefixes.

CREATE TABLE branches (
  id     TEXT COLLATE "C" PRIMARY KEY,
  name   TEXT COLLATE "C" NOT NULL,
  parent TEXT COLLATE "C" REFERENCES branches (id)
);
CREATE INDEX branches_parent ON branches (parent);

CREATE TABLE seats (
  id     TEXT COLLATE "C" PRIMARY KEY,
  name   TEXT COLLATE "C" NOT NULL,
  branch TEXT COLLATE "C" NOT NULL REFERENCES branches (id),
  kind   TEXT COLLATE "C" NOT NULL,
  cut    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX seats_branch ON seats (branch);

CREATE TABLE seat_tokens (
  seat    TEXT COLLATE "C"    NOT NULL REFERENCES seats (id) ON DELETE CASCADE,
  hash    TEXT COLLATE "C"    NOT NULL,
  made_at BIGINT  NOT NULL,
  used_at BIGINT  NOT NULL,
  PRIMARY KEY (seat, hash)
);

CREATE TABLE users (
  id            TEXT COLLATE "C" PRIMARY KEY,
  name          TEXT COLLATE "C"    NOT NULL,
  role          TEXT COLLATE "C"    NOT NULL,
  disabled      BOOLEAN NOT NULL,
  password_hash TEXT COLLATE "C"    NOT NULL
);

CREATE TABLE agents (
  id   TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL
);

-- Whoever must see a whole table unchanged until it commits updates the row
-- of that name first: it is a lock that both engines have.
CREATE TABLE locks (
  name TEXT COLLATE "C" PRIMARY KEY,
  n    BIGINT  NOT NULL
);
INSERT INTO locks (name, n) VALUES ('branches', 0), ('users', 0);

-- number_reversed finds a number by its last digits; words is all that a text
-- search looks at, in lower case.
CREATE TABLE calls (
  id              TEXT COLLATE "C" PRIMARY KEY,
  seat            TEXT COLLATE "C"    NOT NULL,
  branch          TEXT COLLATE "C"    NOT NULL,
  agent           TEXT COLLATE "C"    NOT NULL,
  agent_name      TEXT COLLATE "C"    NOT NULL,
  kind            TEXT COLLATE "C"    NOT NULL,
  direction       TEXT COLLATE "C"    NOT NULL,
  number          TEXT COLLATE "C"    NOT NULL,
  number_reversed TEXT COLLATE "C"    NOT NULL,
  account         TEXT COLLATE "C"    NOT NULL,
  ticket          TEXT COLLATE "C"    NOT NULL,
  business        TEXT COLLATE "C"    NOT NULL,
  state           TEXT COLLATE "C"    NOT NULL,
  started_at      BIGINT  NOT NULL,
  ended_at        BIGINT  NOT NULL,
  duration_ms     BIGINT  NOT NULL,
  channels        BIGINT  NOT NULL,
  rating          BIGINT  NOT NULL,
  node            TEXT COLLATE "C"    NOT NULL,
  words           TEXT COLLATE "C"    NOT NULL
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
  call        TEXT COLLATE "C"    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  n           BIGINT  NOT NULL,
  file        TEXT COLLATE "C"    NOT NULL,
  track       TEXT COLLATE "C"    NOT NULL,
  codec       TEXT COLLATE "C"    NOT NULL,
  channels    BIGINT  NOT NULL,
  start_ms    BIGINT  NOT NULL,
  duration_ms BIGINT  NOT NULL,
  bytes       BIGINT  NOT NULL,
  sha256      TEXT COLLATE "C"    NOT NULL,
  clock       TEXT COLLATE "C"    NOT NULL,
  PRIMARY KEY (call, n)
);

CREATE TABLE gaps (
  call     TEXT COLLATE "C"    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  i        BIGINT  NOT NULL,
  side     TEXT COLLATE "C"    NOT NULL,
  start_ms BIGINT  NOT NULL,
  end_ms   BIGINT  NOT NULL,
  cause    TEXT COLLATE "C"    NOT NULL,
  PRIMARY KEY (call, i)
);

-- maker and text of a private mark are looked for by its maker alone.
CREATE TABLE marks (
  call     TEXT COLLATE "C"    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  id       TEXT COLLATE "C"    NOT NULL,
  kind     TEXT COLLATE "C"    NOT NULL,
  side     TEXT COLLATE "C"    NOT NULL,
  start_ms BIGINT  NOT NULL,
  end_ms   BIGINT  NOT NULL,
  maker    TEXT COLLATE "C"    NOT NULL,
  text     TEXT COLLATE "C"    NOT NULL,
  words    TEXT COLLATE "C"    NOT NULL,
  shared   BOOLEAN NOT NULL,
  PRIMARY KEY (call, id)
);
CREATE INDEX marks_maker ON marks (maker, shared);

-- Tags and flags carry their call's start, so that the newest calls of one can
-- be walked in order.
CREATE TABLE call_tags (
  call       TEXT COLLATE "C"    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  value      TEXT COLLATE "C"    NOT NULL,
  i          BIGINT  NOT NULL,
  started_at BIGINT  NOT NULL,
  PRIMARY KEY (call, value)
);
CREATE INDEX call_tags_value ON call_tags (value, started_at, call);

CREATE TABLE call_flags (
  call       TEXT COLLATE "C"    NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
  value      TEXT COLLATE "C"    NOT NULL,
  i          BIGINT  NOT NULL,
  started_at BIGINT  NOT NULL,
  PRIMARY KEY (call, value)
);
CREATE INDEX call_flags_value ON call_flags (value, started_at, call);

CREATE TABLE audit (
  id        TEXT COLLATE "C" PRIMARY KEY,
  at        BIGINT  NOT NULL,
  who       TEXT COLLATE "C"    NOT NULL,
  came_from TEXT COLLATE "C"    NOT NULL,
  action    TEXT COLLATE "C"    NOT NULL,
  target    TEXT COLLATE "C"    NOT NULL,
  call      TEXT COLLATE "C"    NOT NULL,
  from_ms   BIGINT  NOT NULL,
  to_ms     BIGINT  NOT NULL,
  reason    TEXT COLLATE "C"    NOT NULL
);
CREATE INDEX audit_at     ON audit (at, id);
CREATE INDEX audit_who    ON audit (who, at, id);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_call   ON audit (call, at, id) WHERE call <> '';

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit rows are only ever added';
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE sessions (
  hash    TEXT COLLATE "C" PRIMARY KEY,
  data    BYTEA    NOT NULL,
  expires BIGINT  NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);
