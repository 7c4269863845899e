-- +goose Up

-- Kind and direction go together: counters have none. Who guesses how many calls
-- have both from how many have each looks for them among all calls.
CREATE STATISTICS calls_kind_direction (mcv) ON kind, direction FROM calls;
ANALYZE calls;
