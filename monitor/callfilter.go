package monitor

import (
	"context"
	"slices"
	"time"

	"earshot"
	"earshot/storage/index"
)

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
	Held      string   `query:"held" enum:"yes,no,true" doc:"whether a hold keeps it from deletion now; true is yes"`
	MinMs     int64    `query:"minMs" minimum:"0" doc:"at least so long"`
	MaxMs     int64    `query:"maxMs" minimum:"0" doc:"at most so long; 0 is no bound"`
	Listened  string   `query:"listened" enum:"yes,no" doc:"whether anybody has played it"`
	Imported  string   `query:"imported" enum:"yes,no" doc:"whether it was brought in from an older recorder"`
	Batch     string   `query:"batch" maxLength:"64" doc:"brought in by the import of this id"`
	Q         string   `query:"q" maxLength:"400" doc:"words, all of which must be found"`
	Note      string   `query:"note" maxLength:"400" doc:"words, all of which must be found in marks"`
	Total     bool     `query:"total" doc:"count what is found in all"`
	Cursor    string   `query:"cursor" maxLength:"200"`
	Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50"`

	// How the conversation went. Any of these leaves out calls of which that is not
	// known.
	MinSilenceShare  optional[int]   `query:"minSilenceShare" minimum:"0" maximum:"1000" doc:"per mille of the time in which nobody talks"`
	MaxSilenceShare  optional[int]   `query:"maxSilenceShare" minimum:"0" maximum:"1000"`
	MinAgentShare    optional[int]   `query:"minAgentShare" minimum:"0" maximum:"1000" doc:"per mille of the time in which the agent talks"`
	MaxAgentShare    optional[int]   `query:"maxAgentShare" minimum:"0" maximum:"1000"`
	MinOvertalkShare optional[int]   `query:"minOvertalkShare" minimum:"0" maximum:"1000" doc:"per mille of the time in which both talk"`
	MinInterruptions optional[int]   `query:"minInterruptions" minimum:"0" maximum:"100000"`
	MinMonologueMs   optional[int64] `query:"minMonologueMs" minimum:"0" maximum:"99999999" doc:"one side talks so long at a stretch"`
}

func (f callFilter) bounds() index.TalkBounds {
	return index.TalkBounds{
		MinSilence: f.MinSilenceShare.orNil(), MaxSilence: f.MaxSilenceShare.orNil(), MinAgent: f.MinAgentShare.orNil(),
		MaxAgent: f.MaxAgentShare.orNil(), MinOvertalk: f.MinOvertalkShare.orNil(), MinInterruptions: f.MinInterruptions.orNil(),
		MinMonologueMs: f.MinMonologueMs.orNil(),
	}
}

// query is the search that f asks for, on behalf of who is visiting; `bad_time`,
// `forbidden` where it asks for calls that are not for them.
func (f callFilter) query(ctx context.Context, s *Server) (index.CallQuery, error) {
	who := visitOf(ctx)
	from, to, err := s.timeSpan(f.From, f.To)
	if err != nil {
		return index.CallQuery{}, err
	}
	if slices.Contains(f.State, string(earshot.CallDeleted)) {
		if err := s.also(who, "deleted"); err != nil {
			return index.CallQuery{}, err
		}
	}
	q := index.CallQuery{
		From: from, To: to, Seats: f.Seat, Agents: f.Agent, Branches: f.Branch,
		Kinds: typed[earshot.SeatKind](f.Kind), Directions: typed[earshot.Direction](f.Direction),
		Number: earshot.SoughtNumber(f.Number), Account: f.Account, Ticket: f.Ticket, Businesses: f.Business, Ratings: f.Rating,
		Flags: typed[earshot.Flag](f.Flag), Tags: f.Tag, States: typed[earshot.CallState](f.State),
		MinMs: f.MinMs, MaxMs: f.MaxMs, Played: yesOrNo(f.Listened), Talk: f.bounds(), Imported: yesOrNo(f.Imported), Batch: f.Batch,
		Words: earshot.SoughtWords(f.Q), Notes: earshot.SoughtWords(f.Note), Asker: who.who.User.ID, Cursor: f.Cursor, Limit: f.Limit,
	}
	switch f.Held {
	case "yes", "true":
		q.HeldAt = s.Now()
	case "no":
		q.FreeAt = s.Now()
	}
	return q, nil
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

// timeSpan reads the bounds of a search, of which either may be left out: zero.
func (s *Server) timeSpan(first, last string) (from, to time.Time, err error) {
	if from, err = s.instant("from", first, false); err != nil {
		return from, to, err
	}
	if to, err = s.instant("to", last, true); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, earshot.Fail(earshot.Invalid, "bad_time", "from comes before to")
	}
	return from, to, nil
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
