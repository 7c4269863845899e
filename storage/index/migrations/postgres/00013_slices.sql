-- +goose Up

-- A search asks this index slice of time by slice, and each time would go
-- through all entries that wait to be put into it.
ALTER INDEX call_terms_terms SET (fastupdate = off);
SELECT gin_clean_pending_list('call_terms_terms');
