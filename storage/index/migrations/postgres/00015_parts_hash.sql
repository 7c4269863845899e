-- +goose Up

-- The same file twice is one call, whatever it is and whoever recorded it: every
-- part is found by what it is. Twelve digits tell ten million apart, and keep the
-- index small; who asks compares the rest.
DROP INDEX parts_hash;
CREATE INDEX parts_hash ON parts (substr(sha256, 1, 12));
