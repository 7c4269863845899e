-- +goose Up

-- The same file twice is one call, whatever it is and whoever recorded it: every
-- part is found by what it is. Twelve digits tell ten million apart, and keep the
-- index small; who asks compares the rest.
DROP INDEX parts_hash;
CREATE INDEX parts_hash ON parts (substr(sha256, 1, 12));

-- Of the files that were refused those that nobody takes for recordings.
ALTER TABLE imports ADD COLUMN other BIGINT NOT NULL DEFAULT 0;
UPDATE imports SET other = (
  SELECT count(*) FROM import_files
  WHERE import_files.batch = imports.id AND fate = 'refused' AND code IN ('hidden_file', 'is_table'));
