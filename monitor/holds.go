package monitor

import (
	"context"

	"earshot"
	"earshot/storage/index"
)

// What keeps calls from deletion.

var holdRoutes = []Route{
	{ID: "list-holds", Method: get, Path: "/api/v1/holds", Need: may(earshot.HoldCalls, earshot.SeeCalls), Tag: "holds",
		More: map[string]Need{"all": may(earshot.HoldCalls)}, Summary: "Holds, newest first; those of one call for all who may see it"},
	{ID: "create-hold", Method: post, Path: "/api/v1/holds", Need: may(earshot.HoldCalls), Tag: "holds", Status: 201,
		Summary: "Keep a call, or all calls of a seat in a window of time, from deletion; it holds when this answers"},
	{ID: "release-hold", Method: post, Path: "/api/v1/holds/{id}/release", Need: may(earshot.HoldCalls), Tag: "holds",
		Summary: "End a hold, for a reason"},
}

type holdList struct {
	Holds []earshot.Hold `json:"holds"`
	Next  string         `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type newHold struct {
	Call   string       `json:"call,omitempty" maxLength:"64" doc:"one call, also a live one"`
	Seat   string       `json:"seat,omitempty" maxLength:"64" doc:"or all calls of a seat between from and to"`
	From   earshot.Time `json:"from,omitzero" format:"date-time"`
	To     earshot.Time `json:"to,omitzero" format:"date-time" doc:"left out: calls that are still to come, too"`
	Reason string       `json:"reason" maxLength:"2000"`
	Until  earshot.Time `json:"until,omitzero" format:"date-time" doc:"left out: until it is released"`
}

func (s *Server) holdOperations(b *book) {
	enter(s, b, "list-holds", s.listHolds)
	enter(s, b, "create-hold", s.createHold)
	enter(s, b, "release-hold", s.releaseHold)
}

func (s *Server) listHolds(ctx context.Context, in *struct {
	State  string `query:"state" enum:"active,past,all" default:"active" doc:"past: released, or their time is over"`
	Call   string `query:"call" maxLength:"64" doc:"on this call, by itself or by its seat's window"`
	Seat   string `query:"seat" maxLength:"64" doc:"windows of this seat, and holds on its calls"`
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}) (*body[holdList], error) {
	if in.Call == "" {
		if err := s.also(visitOf(ctx), "all"); err != nil {
			return nil, err
		}
	}
	page, err := s.Archive.Holds(ctx, index.HoldQuery{
		State: index.HoldState(in.State), Now: s.Now(), Call: in.Call, Seat: in.Seat, Cursor: in.Cursor, Limit: in.Limit,
	})
	return answerWith(holdList{listOf(page.Holds), page.Next}), err
}

func (s *Server) createHold(ctx context.Context, in *struct{ Body newHold }) (*body[earshot.Hold], error) {
	hold, err := s.Archive.Hold(ctx, earshot.Hold{
		Call: in.Body.Call, Seat: in.Body.Seat, From: in.Body.From, To: in.Body.To, Reason: in.Body.Reason, Until: in.Body.Until,
		By: visitOf(ctx).who.Who(),
	})
	if err != nil {
		return nil, err
	}
	s.did(ctx, earshot.AuditHold, Subject{Seat: hold.Seat, Call: hold.Call}, hold.Reason)
	return answerWith(hold), nil
}

func (s *Server) releaseHold(ctx context.Context, in *struct {
	ByID
	Body struct {
		Reason string `json:"reason" maxLength:"2000"`
	}
}) (*body[earshot.Hold], error) {
	hold, err := s.Archive.Release(ctx, in.ID, visitOf(ctx).who.Who(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	s.did(ctx, earshot.AuditRelease, Subject{Seat: hold.Seat, Call: hold.Call}, hold.ReleaseReason)
	return answerWith(hold), nil
}
