-- +goose Up

-- Users who were deleted, whose ids nobody else gets: marks, searches and the
-- audit say who by id.
CREATE TABLE former_users (
  id   TEXT PRIMARY KEY,
  name TEXT NOT NULL
);
INSERT INTO former_users (id, name)
SELECT DISTINCT substr(target, 6), '' FROM audit WHERE action = 'delete' AND target LIKE 'user:%' AND substr(target, 6) NOT IN (SELECT id FROM users);
