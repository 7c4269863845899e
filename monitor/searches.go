package monitor

import (
	"context"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"earshot"
	"earshot/storage/index"
)

// Searches that people keep under a name.

var searchRoutes = []Route{
	{ID: "list-searches", Method: get, Path: "/api/v1/searches", Need: may(earshot.SeeCalls), Tag: "searches", Summary: "Saved searches: one's own, and those that others share"},
	{ID: "create-search", Method: post, Path: "/api/v1/searches", Need: may(earshot.SeeCalls), Tag: "searches", Status: 201, Summary: "Save a search under a name"},
	{ID: "update-search", Method: patch, Path: "/api/v1/searches/{id}", Need: may(earshot.SeeCalls), Tag: "searches",
		More: map[string]Need{"others": administer}, Summary: "Change a saved search: name, filters, shared"},
	{ID: "delete-search", Method: del, Path: "/api/v1/searches/{id}", Need: may(earshot.SeeCalls), Tag: "searches", Status: 204,
		More: map[string]Need{"others": administer}, Summary: "Take a saved search away"},
}

// savedSearches is what the monitor needs of the index for them.
type savedSearches interface {
	SavedSearches(ctx context.Context, user string) ([]earshot.SavedSearch, error)
	SavedSearch(ctx context.Context, id string) (earshot.SavedSearch, error)
	AddSavedSearch(ctx context.Context, s earshot.SavedSearch) error
	ChangeSavedSearch(ctx context.Context, s earshot.SavedSearch) error
	DeleteSavedSearch(ctx context.Context, id string) error
}

type searchList struct {
	Searches []earshot.SavedSearch `json:"searches"`
}

type newSearch struct {
	Name   string `json:"name" maxLength:"160"`
	Query  string `json:"query" maxLength:"2000" doc:"what stands behind ? in the archive page's address"`
	Shared bool   `json:"shared,omitempty" doc:"for all who may search"`
}

type searchPatch struct {
	Name   *string `json:"name,omitempty" maxLength:"160"`
	Query  *string `json:"query,omitempty" maxLength:"2000"`
	Shared *bool   `json:"shared,omitempty"`
}

func (s *Server) searchOperations(b *book) {
	enter(s, b, "list-searches", func(ctx context.Context, _ *nothing) (*body[searchList], error) {
		searches, err := s.Index.SavedSearches(ctx, visitOf(ctx).who.User.ID)
		return answerWith(searchList{listOf(searches)}), err
	})
	enter(s, b, "create-search", s.createSearch)
	enter(s, b, "update-search", s.updateSearch)
	enter(s, b, "delete-search", s.deleteSearch)
}

func (s *Server) createSearch(ctx context.Context, in *struct{ Body newSearch }) (*body[earshot.SavedSearch], error) {
	if err := asksOfCalls(in.Body.Query); err != nil {
		return nil, err
	}
	now := s.Now()
	search := earshot.SavedSearch{
		ID: earshot.NewID(now), Name: strings.TrimSpace(in.Body.Name), Query: in.Body.Query, Shared: in.Body.Shared,
		By: visitOf(ctx).who.User.ID, At: earshot.At(now),
	}
	if err := s.Index.AddSavedSearch(ctx, search); err != nil {
		return nil, err
	}
	s.noteSearch(ctx, earshot.AuditCreate, search, false)
	return answerWith(search), nil
}

func (s *Server) updateSearch(ctx context.Context, in *struct {
	ByID
	Body searchPatch
}) (*body[earshot.SavedSearch], error) {
	search, err := s.searchToChange(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	wasShared := search.Shared
	if in.Body.Query != nil {
		if err := asksOfCalls(*in.Body.Query); err != nil {
			return nil, err
		}
	}
	var fields changes
	set(&fields, "name", &search.Name, in.Body.Name)
	set(&fields, "query", &search.Query, in.Body.Query)
	set(&fields, "shared", &search.Shared, in.Body.Shared)
	search.Name, search.At = strings.TrimSpace(search.Name), earshot.At(s.Now())
	if err := s.Index.ChangeSavedSearch(ctx, search); err != nil {
		return nil, err
	}
	s.noteSearch(ctx, earshot.AuditUpdate, search, wasShared)
	return answerWith(search), nil
}

func (s *Server) deleteSearch(ctx context.Context, in *ByID) (*nothing, error) {
	search, err := s.searchToChange(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Index.DeleteSavedSearch(ctx, search.ID); err != nil {
		return nil, err
	}
	s.noteSearch(ctx, earshot.AuditDelete, search, false)
	return nil, nil
}

// searchToChange is a saved search that who is visiting may change. That others
// keep one to themselves is not even said.
func (s *Server) searchToChange(ctx context.Context, id string) (earshot.SavedSearch, error) {
	v := visitOf(ctx)
	search, err := s.Index.SavedSearch(ctx, id)
	switch {
	case err != nil:
		return search, err
	case search.By == v.who.User.ID:
		return search, nil
	case !search.Shared:
		return earshot.SavedSearch{}, index.ErrNoSearch
	}
	return search, s.also(v, "others")
}

// noteSearch writes down what others notice: a search of one's own is nobody
// else's business.
func (s *Server) noteSearch(ctx context.Context, action string, search earshot.SavedSearch, wasShared bool) {
	if search.Shared || wasShared {
		s.didTo(ctx, action, "search:"+search.ID, search.Name+": "+search.Query)
	}
}

// asksOfCalls says whether query is one of the archive page's addresses.
func asksOfCalls(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return earshot.Fail(earshot.Invalid, "bad_search", "a search is what stands behind ? in the archive page's address").Because(err)
	}
	known := searchNames()
	for name := range values {
		if !slices.Contains(known, name) {
			return earshot.Fail(earshot.Invalid, "bad_search", "the archive page has no filter %q", name)
		}
	}
	return nil
}

// searchNames are the filters that the archive page's address has: those of the
// API, and what only the page knows: relative days, lengths in seconds, columns.
func searchNames() []string {
	names := []string{"days", "shortest", "longest", "columns"}
	filter := reflect.TypeFor[callFilter]()
	for i := range filter.NumField() {
		name, _, _ := strings.Cut(filter.Field(i).Tag.Get("query"), ",")
		switch name {
		case "", "total", "cursor", "limit": // of a page of answers
		default:
			names = append(names, name)
		}
	}
	return names
}
