-- +goose Up

-- Calls that were brought in, newest first: nearly all may be old ones.
CREATE INDEX calls_imported ON calls (started_at, id) WHERE origin_batch IS NOT NULL;
