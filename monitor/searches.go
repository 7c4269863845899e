package monitor

import (
	"context"
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
	ChangeSavedSearch(ctx context.Context, id string, change func(s *earshot.SavedSearch) error) (earshot.SavedSearch, error)
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
	if err := s.asksOfCalls(in.Body.Query); err != nil {
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
	if in.Body.Query != nil {
		if err := s.asksOfCalls(*in.Body.Query); err != nil {
			return nil, err
		}
	}
	wasShared := false
	search, err := s.Index.ChangeSavedSearch(ctx, in.ID, func(search *earshot.SavedSearch) error {
		if err := s.mayChangeSearch(ctx, *search); err != nil {
			return err
		}
		wasShared = search.Shared
		var fields changes
		set(&fields, "name", &search.Name, in.Body.Name)
		set(&fields, "query", &search.Query, in.Body.Query)
		set(&fields, "shared", &search.Shared, in.Body.Shared)
		search.Name, search.At = strings.TrimSpace(search.Name), earshot.At(s.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.noteSearch(ctx, earshot.AuditUpdate, search, wasShared)
	return answerWith(search), nil
}

func (s *Server) deleteSearch(ctx context.Context, in *ByID) (*nothing, error) {
	search, err := s.Index.SavedSearch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.mayChangeSearch(ctx, search); err != nil {
		return nil, err
	}
	if err := s.Index.DeleteSavedSearch(ctx, search.ID); err != nil {
		return nil, err
	}
	s.noteSearch(ctx, earshot.AuditDelete, search, false)
	return nil, nil
}

// mayChangeSearch is nil where who is visiting may change a saved search. That
// others keep one to themselves is not even said.
func (s *Server) mayChangeSearch(ctx context.Context, search earshot.SavedSearch) error {
	v := visitOf(ctx)
	switch {
	case search.By == v.who.User.ID:
		return nil
	case !search.Shared:
		return index.ErrNoSearch
	}
	return s.also(v, "others")
}

// noteSearch writes down what others notice: a search of one's own is nobody
// else's business.
func (s *Server) noteSearch(ctx context.Context, action string, search earshot.SavedSearch, wasShared bool) {
	if search.Shared || wasShared {
		s.didTo(ctx, action, "search:"+search.ID, search.Name+": "+search.Query)
	}
}
