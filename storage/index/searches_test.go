package index_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// saved is a search that by saved some time after start.
func saved(name, by string, shared bool, after time.Duration) earshot.SavedSearch {
	at := start.Add(after)
	return earshot.SavedSearch{ID: earshot.NewID(at), Name: name, Query: "days=today&seat=c1", Shared: shared, By: by, At: earshot.At(at)}
}

func TestSavedSearches(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		sees := func(user string, want ...earshot.SavedSearch) {
			t.Helper()
			got, err := ix.SavedSearches(ctx, user)
			must(t, err)
			same(t, "what "+user+" sees", got, want)
		}
		sees("lina")
		private, shared, theirs := saved("b 私", "lina", false, 0), saved("a 共", "lina", true, time.Second), saved("b 私", "wang", false, time.Minute)
		for _, s := range []earshot.SavedSearch{private, shared, theirs} {
			must(t, ix.AddSavedSearch(ctx, s))
		}
		sees("lina", shared, private)
		sees("wang", shared, theirs)
		one, err := ix.SavedSearch(ctx, theirs.ID)
		must(t, err)
		same(t, "one", one, theirs)

		wantCode(t, ix.AddSavedSearch(ctx, saved("b 私", "lina", true, time.Hour)), "search_named")
		change := func(id string, edit func(s *earshot.SavedSearch)) error {
			_, err := ix.ChangeSavedSearch(ctx, id, func(s *earshot.SavedSearch) error { edit(s); return nil })
			return err
		}
		private.Name, private.Query, private.Shared = "c", "q=%E9%80%80", true
		must(t, change(private.ID, func(s *earshot.SavedSearch) { *s = private }))
		must(t, change(private.ID, func(s *earshot.SavedSearch) { *s = private })) // its own name is no other's
		sees("wang", shared, theirs, private)
		wantCode(t, change(private.ID, func(s *earshot.SavedSearch) { s.Name = shared.Name }), "search_named")
		wantCode(t, change(private.ID, func(s *earshot.SavedSearch) { s.Name = "" }), "bad_search_name")
		wantCode(t, change(saved("x", "lina", false, 2*time.Hour).ID, func(*earshot.SavedSearch) {}), "no_search")
		_, err = ix.ChangeSavedSearch(ctx, private.ID, func(s *earshot.SavedSearch) error {
			s.Name = "never"
			return earshot.Fail(earshot.Forbidden, "forbidden", "no")
		})
		wantCode(t, err, "forbidden")
		sees("wang", shared, theirs, private)
		must(t, ix.DeleteSavedSearch(ctx, shared.ID))
		wantCode(t, ix.DeleteSavedSearch(ctx, shared.ID), "no_search")
		_, err = ix.SavedSearch(ctx, shared.ID)
		wantCode(t, err, "no_search")

		for what, row := range map[string]struct {
			edit func(*earshot.SavedSearch)
			code string
		}{
			"no name":          {func(s *earshot.SavedSearch) { s.Name = "" }, "bad_search_name"},
			"a long name":      {func(s *earshot.SavedSearch) { s.Name = strings.Repeat("长", earshot.MostSearchName+1) }, "bad_search_name"},
			"a name of lines":  {func(s *earshot.SavedSearch) { s.Name = "a\nb" }, "bad_search_name"},
			"a long query":     {func(s *earshot.SavedSearch) { s.Query = strings.Repeat("q", earshot.MostSearchQuery+1) }, "bad_search"},
			"what is not text": {func(s *earshot.SavedSearch) { s.Query = "q=\xff" }, "bad_search"},
		} {
			s := saved("y", "lina", false, 0)
			row.edit(&s)
			if err := ix.AddSavedSearch(ctx, s); err == nil || earshot.AsError(err).Code != row.code {
				t.Errorf("%s: %v, want %s", what, err, row.code)
			}
		}
	})
}

// Two who change one search at once both have their way: neither puts back what
// the other changed.
func TestTwoWhoChangeASavedSearchAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		s := saved("a", "lina", false, 0)
		must(t, ix.AddSavedSearch(t.Context(), s))
		change := func(edit func(s *earshot.SavedSearch)) func() error {
			return func() error {
				_, err := ix.ChangeSavedSearch(t.Context(), s.ID, func(s *earshot.SavedSearch) error { edit(s); return nil })
				return err
			}
		}
		for range 10 {
			must(t, change(func(s *earshot.SavedSearch) { s.Name, s.Shared = "a", false })())
			same(t, "changes", atOnce(change(func(s *earshot.SavedSearch) { s.Name = "b" }), change(func(s *earshot.SavedSearch) { s.Shared = true })), 2)
			got, err := ix.SavedSearch(t.Context(), s.ID)
			must(t, err)
			if got.Name != "b" || !got.Shared {
				t.Fatalf("became %+v", got)
			}
		}
	})
}

// One person keeps a bounded number of searches; others are not bothered by it.
func TestSavedSearchesAreBounded(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for i := range 100 {
			must(t, ix.AddSavedSearch(t.Context(), saved(fmt.Sprint(i), "lina", false, time.Duration(i)*time.Second)))
		}
		wantCode(t, ix.AddSavedSearch(t.Context(), saved("x", "lina", false, time.Hour)), "many_searches")
		must(t, ix.AddSavedSearch(t.Context(), saved("x", "wang", false, time.Hour)))
	})
}

// What somebody kept to themselves goes with them.
func TestSavedSearchesGoWithTheirMaker(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for _, id := range []string{"lina", "wang"} {
			must(t, ix.CreateUser(t.Context(), earshot.User{ID: id, Name: id, Role: earshot.RoleAdmin, PasswordHash: "$x"}))
		}
		private, shared, theirs := saved("a", "lina", false, 0), saved("b", "lina", true, 1), saved("c", "wang", false, 2)
		for _, s := range []earshot.SavedSearch{private, shared, theirs} {
			must(t, ix.AddSavedSearch(t.Context(), s))
		}
		must(t, ix.DeleteUser(t.Context(), "lina"))
		got, err := ix.SavedSearches(t.Context(), "lina")
		must(t, err)
		same(t, "what is left", got, []earshot.SavedSearch{shared})
		wantCode(t, ix.DeleteUser(t.Context(), "wang"), "last_admin")
		got, err = ix.SavedSearches(t.Context(), "wang")
		must(t, err)
		same(t, "of one who stays", got, []earshot.SavedSearch{shared, theirs})
	})
}
