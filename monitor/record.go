package monitor

import (
	"context"

	"earshot"
)

// row is the audit row of p doing action to about.
func (s *Server) row(p Principal, action string, about Subject) earshot.Audit {
	return earshot.Audit{Who: p.Who(), From: p.From, Action: action, Target: about.Seat, Call: about.Call}
}

// did writes down that who serves ctx did action to about.
func (s *Server) did(ctx context.Context, action string, about Subject, reason string) {
	row := s.row(visitOf(ctx).who, action, about)
	row.Reason = reason
	s.audit.Add(row)
}

// didTo is did for what is neither a seat nor a call: a branch, a user.
func (s *Server) didTo(ctx context.Context, action, target, reason string) {
	s.did(ctx, action, Subject{Seat: target}, reason)
}
