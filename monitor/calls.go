package monitor

import (
	"context"
	"errors"
	"slices"
	"time"

	"earshot"
	"earshot/storage/index"
)

type callList struct {
	Calls []earshot.Call `json:"calls"`
	Next  string         `json:"next" doc:"the cursor of the page after this one; empty on the last"`
	Total *int           `json:"total,omitempty" doc:"how many are found in all, where that was asked for; 1001 says more than 1,000"`
}

// callFilter is what calls are searched by; of several values of one field any
// may hold, of several fields all must.
type callFilter struct {
	From      string   `query:"from" maxLength:"40" doc:"started at or after: RFC 3339, or a day YYYY-MM-DD of the site's time zone"`
	To        string   `query:"to" maxLength:"40" doc:"started before: RFC 3339, or up to the end of a day"`
	Seat      []string `query:"seat,explode"`
	Agent     []string `query:"agent,explode" doc:"工号, or a whole name"`
	Branch    []string `query:"branch,explode" doc:"with all branches below it"`
	Kind      []string `query:"kind,explode" enum:"counter,hotline"`
	Direction []string `query:"direction,explode" enum:"inbound,outbound,none"`
	Number    string   `query:"number" maxLength:"64" doc:"whole, its last digits, or any three and more"`
	Account   string   `query:"account" maxLength:"64"`
	Ticket    string   `query:"ticket" maxLength:"64"`
	Business  []string `query:"business,explode"`
	Rating    []int    `query:"rating,explode" minimum:"1" maximum:"5"`
	Flag      []string `query:"flag,explode" enum:"silence,overtalk,loud,one_sided,gaps,interrupted,long,short,damaged"`
	Tag       []string `query:"tag,explode"`
	State     []string `query:"state,explode" enum:"live,stored,deleted" doc:"deleted ones only for those who may inspect"`
	Held      bool     `query:"held" doc:"only those that a hold keeps from deletion now"`
	MinMs     int64    `query:"minMs" minimum:"0" doc:"at least so long"`
	MaxMs     int64    `query:"maxMs" minimum:"0" doc:"at most so long; 0 is no bound"`
	Listened  string   `query:"listened" enum:"yes,no" doc:"whether anybody has played it"`
	Q         string   `query:"q" maxLength:"400" doc:"words, all of which must be found"`
	Note      string   `query:"note" maxLength:"400" doc:"words, all of which must be found in marks"`
	Total     bool     `query:"total" doc:"count what is found in all"`
	Cursor    string   `query:"cursor" maxLength:"200"`
	Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
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
	from, err := s.instant("from", in.From, false)
	if err != nil {
		return nil, err
	}
	to, err := s.instant("to", in.To, true)
	if err != nil {
		return nil, err
	}
	var heldAt time.Time
	if in.Held {
		heldAt = s.Now()
	}
	if slices.Contains(in.State, string(earshot.CallDeleted)) {
		if err := s.also(visitOf(ctx), "deleted"); err != nil {
			return nil, err
		}
	}
	query := index.CallQuery{
		HeldAt: heldAt,
		From:   from, To: to, Seats: in.Seat, Agents: in.Agent, Branches: in.Branch,
		Kinds: typed[earshot.SeatKind](in.Kind), Directions: typed[earshot.Direction](in.Direction),
		Number: in.Number, Account: in.Account, Ticket: in.Ticket, Businesses: in.Business, Ratings: in.Rating,
		Flags: typed[earshot.Flag](in.Flag), Tags: in.Tag, States: typed[earshot.CallState](in.State),
		MinMs: in.MinMs, MaxMs: in.MaxMs, Played: yesOrNo(in.Listened),
		Words: in.Q, Notes: in.Note, Asker: who.User.ID, Cursor: in.Cursor, Limit: in.Limit,
	}
	page, err := s.Archive.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	list := callList{Calls: make([]earshot.Call, len(page.Calls)), Next: page.Next}
	if in.Total {
		n, err := s.Archive.Count(ctx, query)
		if err != nil {
			return nil, err
		}
		list.Total = &n
	}
	for i, call := range page.Calls {
		if call.State == earshot.CallLive {
			if live, ok := s.Floor.LiveCall(call.ID); ok {
				live.Holds = call.Holds
				call = live
			}
		}
		list.Calls[i] = seenBy(who, call)
	}
	return answerWith(list), nil
}

// yesOrNo is what was said, nil where nothing was.
func yesOrNo(said string) *bool {
	if said == "" {
		return nil
	}
	yes := said == "yes"
	return &yes
}

func typed[T ~string](values []string) []T {
	all := make([]T, len(values))
	for i, v := range values {
		all[i] = T(v)
	}
	return all
}

// instant reads a time or a day; the end of a day is the beginning of the next.
func (s *Server) instant(name, text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, s.Location)
	if err != nil {
		return time.Time{}, earshot.Fail(earshot.Invalid, "bad_time", "%s is an RFC 3339 time, or a day as YYYY-MM-DD", name)
	}
	if end {
		day = day.AddDate(0, 0, 1)
	}
	return day, nil
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
