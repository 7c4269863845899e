-- +goose Up

INSERT INTO locks (name, n) VALUES ('retention', 0);

-- What keeps calls: one call, or all of a seat that touch a window of time;
-- to_at 0 is open. filed says whether the files of the calls say so too.
CREATE TABLE holds (
  id             TEXT COLLATE "C" PRIMARY KEY,
  call           TEXT COLLATE "C"    NOT NULL,
  seat           TEXT COLLATE "C"    NOT NULL,
  from_at        BIGINT  NOT NULL,
  to_at          BIGINT  NOT NULL,
  reason         TEXT COLLATE "C"    NOT NULL,
  maker          TEXT COLLATE "C"    NOT NULL,
  at             BIGINT  NOT NULL,
  until_at       BIGINT  NOT NULL,
  released_at    BIGINT  NOT NULL,
  released_by    TEXT COLLATE "C"    NOT NULL,
  release_reason TEXT COLLATE "C"    NOT NULL,
  filed          BOOLEAN NOT NULL
);
CREATE INDEX holds_call    ON holds (call);
CREATE INDEX holds_seat    ON holds (seat, from_at);
CREATE INDEX holds_at      ON holds (at, id);
CREATE INDEX holds_active  ON holds (until_at) WHERE released_at = 0;
CREATE INDEX holds_unfiled ON holds (id) WHERE NOT filed;

CREATE TABLE policies (
  id          TEXT COLLATE "C" PRIMARY KEY,
  name        TEXT COLLATE "C"    NOT NULL,
  branch      TEXT COLLATE "C"    NOT NULL,
  kind        TEXT COLLATE "C"    NOT NULL,
  business    TEXT COLLATE "C"    NOT NULL,
  keep_days   BIGINT  NOT NULL,
  delete_days BIGINT  NOT NULL
);

-- Retention looks at stored calls from the one that ended first; all that a
-- policy asks of a call is in the index itself.
CREATE INDEX calls_ended ON calls (ended_at, id, branch, kind, business) WHERE state = 'stored';

-- The tombstones. gone_at is when the last file was removed, 0 until then; entry
-- is the number of the first record of it in the ledger, -1 until there is one.
CREATE TABLE deletions (
  call    TEXT COLLATE "C" PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
  at      BIGINT  NOT NULL,
  maker   TEXT COLLATE "C"    NOT NULL,
  policy  TEXT COLLATE "C"    NOT NULL,
  reason  TEXT COLLATE "C"    NOT NULL,
  entry   BIGINT  NOT NULL,
  gone_at BIGINT  NOT NULL
);
CREATE INDEX deletions_undone ON deletions (call) WHERE gone_at = 0;

CREATE TABLE retention_runs (
  id       TEXT COLLATE "C" PRIMARY KEY,
  at       BIGINT  NOT NULL,
  ended_at BIGINT  NOT NULL,
  deleted  BIGINT  NOT NULL,
  bytes    BIGINT  NOT NULL,
  failed   BIGINT  NOT NULL,
  reason   TEXT COLLATE "C"    NOT NULL
);
CREATE INDEX retention_runs_at ON retention_runs (at, id);

-- entry is the number of the part's record in the ledger, -1 until there is one.
ALTER TABLE parts ADD COLUMN entry BIGINT  NOT NULL DEFAULT -1;
CREATE INDEX parts_pending ON parts (call, n) WHERE entry < 0 AND sha256 <> '';

-- How many of the ledger's records the index knows of.
CREATE TABLE ledger_progress (
  name TEXT COLLATE "C" PRIMARY KEY,
  size BIGINT  NOT NULL
);
INSERT INTO ledger_progress (name, size) VALUES ('ledger', 0);
