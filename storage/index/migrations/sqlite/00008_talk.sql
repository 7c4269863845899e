-- +goose Up

-- How a conversation went: see earshot.Talk. Shares are per mille, lengths
-- milliseconds; all are null where nothing can be told. talk_judged says by
-- which thresholds a call was looked at, null until it was.
ALTER TABLE calls ADD COLUMN talk_agent         INTEGER;
ALTER TABLE calls ADD COLUMN talk_customer      INTEGER;
ALTER TABLE calls ADD COLUMN talk_silence       INTEGER;
ALTER TABLE calls ADD COLUMN talk_overtalk      INTEGER;
ALTER TABLE calls ADD COLUMN talk_interruptions INTEGER;
ALTER TABLE calls ADD COLUMN talk_monologue     INTEGER;
ALTER TABLE calls ADD COLUMN talk_monologist    TEXT;
ALTER TABLE calls ADD COLUMN talk_quiet         INTEGER;
ALTER TABLE calls ADD COLUMN talk_judged        TEXT;

-- Where a call comes from that was brought in, as JSON, and the import that
-- brought it; null of calls that were recorded here.
ALTER TABLE calls ADD COLUMN origin       TEXT;
ALTER TABLE calls ADD COLUMN origin_batch TEXT;

CREATE INDEX calls_judged ON calls (talk_judged, id) WHERE state = 'stored';
CREATE INDEX calls_batch  ON calls (origin_batch, started_at, id) WHERE origin_batch IS NOT NULL;

-- What people have set for the whole house, as JSON.
CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  doc   TEXT NOT NULL,
  maker TEXT NOT NULL,
  at    INTEGER NOT NULL
);

-- How far an analysis of the archive has come, as JSON.
CREATE TABLE analysis (
  name TEXT PRIMARY KEY,
  doc  TEXT NOT NULL
);
