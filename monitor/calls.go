package monitor

import (
	"context"
	"errors"
	"slices"

	"earshot"
	"earshot/storage/index"
)

type callList struct {
	Calls    []earshot.Call `json:"calls"`
	Next     string         `json:"next" doc:"the cursor of the page after this one; empty on the last"`
	Listened []string       `json:"listened" doc:"ids of those that somebody has played"`
	Total    *int           `json:"total,omitempty" doc:"how many are found in all, where that was asked for and can be said soon; 1001 says more than 1,000"`
}

func (s *Server) callOperations(b *book) {
	enter(s, b, "search-calls", s.searchCalls)
	enter(s, b, "get-call", func(ctx context.Context, in *ByID) (*body[earshot.Call], error) {
		call, err := s.call(ctx, in.ID)
		if err != nil {
			return nil, s.withTombstone(ctx, in.ID, err)
		}
		return s.answerCall(ctx, call), nil
	})
	enter(s, b, "update-call", s.updateCall)
	enter(s, b, "get-call-levels", func(ctx context.Context, in *ByID) (*body[earshot.Levels], error) {
		levels, err := s.Floor.LiveLevels(in.ID)
		if errors.Is(err, earshot.ErrNotLive) {
			levels, err = s.Archive.Levels(ctx, in.ID)
		}
		levels.Agent, levels.Customer = listOf(levels.Agent), listOf(levels.Customer)
		return answerWith(levels), err
	})
}

func (s *Server) searchCalls(ctx context.Context, in *callFilter) (*body[callList], error) {
	who := visitOf(ctx).who
	query, err := in.query(ctx, s)
	if err != nil {
		return nil, err
	}
	page, err := s.Archive.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	list := callList{Calls: make([]earshot.Call, len(page.Calls)), Next: page.Next}
	if in.Total {
		n, err := s.Archive.Count(ctx, query)
		switch {
		case err == nil:
			list.Total = &n
		case !errors.Is(err, index.ErrUncounted): // the page is there all the same
			return nil, err
		}
	}
	ids := make([]string, len(page.Calls))
	for i, call := range page.Calls {
		ids[i], list.Calls[i] = call.ID, s.shown(who, call)
	}
	played, err := s.Archive.Played(ctx, ids)
	if err != nil {
		return nil, err
	}
	list.Listened = slices.DeleteFunc(ids, func(id string) bool { return !played[id] })
	return answerWith(list), nil
}

// call is a live call as it stands, else a stored one.
func (s *Server) call(ctx context.Context, id string) (earshot.Call, error) {
	if call, ok := s.Floor.LiveCall(id); ok {
		call.Holds = s.Archive.HoldsOn(ctx, call)
		return call, nil
	}
	return s.Archive.Call(ctx, id)
}

// withTombstone adds to err, that a call is deleted, what is left of it.
func (s *Server) withTombstone(ctx context.Context, id string, err error) error {
	if !errors.Is(err, earshot.ErrDeleted) {
		return err
	}
	tombstone, readErr := s.Archive.Tombstone(ctx, id)
	if readErr != nil {
		return readErr
	}
	return &buried{earshot.ErrDeleted, tombstone}
}

func (s *Server) updateCall(ctx context.Context, in *struct {
	ByID
	Body callFacts
}) (*body[earshot.Call], error) {
	patch, err := in.Body.patch()
	if err != nil {
		return nil, err
	}
	call, err := s.Floor.UpdateCall(ctx, in.ID, patch)
	if errors.Is(err, earshot.ErrNotLive) {
		if err := s.also(visitOf(ctx), "stored"); err != nil {
			return nil, err
		}
		call, err = s.Archive.PatchCall(ctx, in.ID, patch)
	}
	if err != nil {
		return nil, err
	}
	s.did(ctx, earshot.AuditUpdate, Subject{Seat: call.Seat, Call: call.ID}, in.Body.said())
	return s.answerCall(ctx, call), nil
}
