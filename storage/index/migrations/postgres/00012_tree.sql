-- +goose Up

-- A call has terms for the branches above its own as well. tree is the state of
-- the branches' tree, as locks counts it, whose branches all calls have;
-- making_tree that of those that are being made. -1 is none.
ALTER TABLE terms_version ADD COLUMN tree        BIGINT NOT NULL DEFAULT -1;
ALTER TABLE terms_version ADD COLUMN making_tree BIGINT NOT NULL DEFAULT -1;
INSERT INTO locks (name, n) VALUES ('branch_tree', 0);
