-- +goose Up

-- Times are milliseconds since the Unix epoch, 0 where there is none.

-- One announcer tells one conversation of a seat once.
CREATE TABLE announcements (
  id          TEXT COLLATE "C" PRIMARY KEY,
  seat        TEXT COLLATE "C" NOT NULL,
  at          BIGINT  NOT NULL,
  duration_ms BIGINT  NOT NULL,
  ref         TEXT COLLATE "C" NOT NULL,
  number      TEXT COLLATE "C" NOT NULL,
  source      TEXT COLLATE "C" NOT NULL,
  UNIQUE (seat, ref)
);
CREATE INDEX announcements_at ON announcements (at, seat);

-- What was seen of a stream, a row an hour at most.
CREATE TABLE streams (
  id         TEXT COLLATE "C" NOT NULL,
  since      BIGINT  NOT NULL,
  until      BIGINT  NOT NULL,
  seat       TEXT COLLATE "C" NOT NULL,
  node       TEXT COLLATE "C" NOT NULL,
  sides      TEXT COLLATE "C" NOT NULL,
  packets    BIGINT  NOT NULL,
  spoke_ms   BIGINT  NOT NULL,
  outside_ms BIGINT  NOT NULL,
  outside_at BIGINT  NOT NULL,
  dead_mic   TEXT COLLATE "C" NOT NULL,
  bleed      BOOLEAN NOT NULL,
  PRIMARY KEY (id, since)
);
CREATE INDEX streams_since ON streams (since, seat);

CREATE TABLE sound_checks (
  id            TEXT COLLATE "C" PRIMARY KEY,
  seat          TEXT COLLATE "C" NOT NULL,
  at            BIGINT  NOT NULL,
  result        TEXT COLLATE "C" NOT NULL,
  agent_dbov    BIGINT  NOT NULL,
  customer_dbov BIGINT  NOT NULL
);
CREATE INDEX sound_checks_at ON sound_checks (at, seat);

-- Stored calls in which nobody is to be heard.
CREATE TABLE unheard_calls (
  call       TEXT COLLATE "C" PRIMARY KEY,
  started_at BIGINT  NOT NULL
);
CREATE INDEX unheard_calls_started ON unheard_calls (started_at);
