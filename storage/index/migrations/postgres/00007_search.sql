-- +goose Up

-- What calls are found by where no index of calls answers: the terms of each
-- call, and its place in the order of the calls' starts. sum is a hash of the
-- terms; played_at is when somebody first played the call, 0 if nobody has.
CREATE TABLE call_terms (
  call      TEXT COLLATE "C" PRIMARY KEY,
  place     BIGINT   NOT NULL,
  sum       BIGINT   NOT NULL,
  played_at BIGINT   NOT NULL,
  terms     TSVECTOR NOT NULL
);
CREATE INDEX call_terms_place ON call_terms (place);
CREATE INDEX call_terms_terms ON call_terms USING gin (terms);

-- Which form the terms of all calls have, and how far down those of another form
-- have come that are being made; 0 and empty if none.
CREATE TABLE terms_version (
  version INTEGER NOT NULL,
  making  INTEGER NOT NULL,
  after   TEXT COLLATE "C" NOT NULL
);
INSERT INTO terms_version (version, making, after) VALUES (0, 0, '');

CREATE INDEX calls_agent_name ON calls (agent_name, started_at, id) WHERE agent_name <> '';
