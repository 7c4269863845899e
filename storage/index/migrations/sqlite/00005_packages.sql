-- +goose Up

-- Evidence packages: doc is the whole record as JSON. The files lie elsewhere.
CREATE TABLE packages (
  id    TEXT PRIMARY KEY,
  at    INTEGER NOT NULL,
  state TEXT    NOT NULL,
  doc   TEXT    NOT NULL
);
CREATE INDEX packages_at    ON packages (at, id);
CREATE INDEX packages_state ON packages (state, at);
