-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none.

-- One announcer tells one conversation of a seat once.
CREATE TABLE announcements (
  id          TEXT PRIMARY KEY,
  seat        TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  ref         TEXT    NOT NULL,
  number      TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  UNIQUE (seat, ref)
);
CREATE INDEX announcements_at ON announcements (at, seat);

-- What was seen of a stream, a row an hour at most.
CREATE TABLE streams (
  id         TEXT    NOT NULL,
  since      INTEGER NOT NULL,
  until      INTEGER NOT NULL,
  seat       TEXT    NOT NULL,
  node       TEXT    NOT NULL,
  sides      TEXT    NOT NULL,
  packets    INTEGER NOT NULL,
  spoke_ms   INTEGER NOT NULL,
  outside_ms INTEGER NOT NULL,
  outside_at INTEGER NOT NULL,
  dead_mic   TEXT    NOT NULL,
  bleed      BOOLEAN NOT NULL,
  PRIMARY KEY (id, since)
) WITHOUT ROWID;
CREATE INDEX streams_since ON streams (since, seat);

CREATE TABLE sound_checks (
  id            TEXT PRIMARY KEY,
  seat          TEXT    NOT NULL,
  at            INTEGER NOT NULL,
  result        TEXT    NOT NULL,
  agent_dbov    INTEGER NOT NULL,
  customer_dbov INTEGER NOT NULL
);
CREATE INDEX sound_checks_at ON sound_checks (at, seat);

-- Stored calls in which nobody is to be heard.
CREATE TABLE unheard_calls (
  call       TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL
);
CREATE INDEX unheard_calls_started ON unheard_calls (started_at);
