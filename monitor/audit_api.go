package monitor

import (
	"context"

	"earshot"
	"earshot/storage/index"
)

type auditList struct {
	Audit []earshot.Audit `json:"audit"`
	Next  string          `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type auditFilter struct {
	From   string   `query:"from" maxLength:"40" doc:"RFC 3339, or a day YYYY-MM-DD of the site's time zone"`
	To     string   `query:"to" maxLength:"40"`
	Who    string   `query:"who" maxLength:"80" doc:"a user, or seat:ID"`
	Action []string `query:"action,explode"`
	Target string   `query:"target" maxLength:"80"`
	Call   string   `query:"call" maxLength:"64"`
	Cursor string   `query:"cursor" maxLength:"200"`
	Limit  int      `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) auditOperations(b *book) {
	enter(s, b, "search-audit", s.searchAudit)
	enter(s, b, "get-call-audit", s.callAudit)
}

func (s *Server) searchAudit(ctx context.Context, in *auditFilter) (*body[auditList], error) {
	from, to, err := s.timeSpan(in.From, in.To)
	if err != nil {
		return nil, err
	}
	return s.auditPage(ctx, index.AuditQuery{
		From: from, To: to, Who: in.Who, Actions: in.Action, Target: in.Target, Call: in.Call, Cursor: in.Cursor, Limit: in.Limit,
	})
}

func (s *Server) callAudit(ctx context.Context, in *struct {
	ByID
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}) (*body[auditList], error) {
	if _, err := s.call(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.auditPage(ctx, index.AuditQuery{Call: in.ID, Cursor: in.Cursor, Limit: in.Limit})
}

func (s *Server) auditPage(ctx context.Context, q index.AuditQuery) (*body[auditList], error) {
	page, err := s.Index.SearchAudit(ctx, q)
	return answerWith(auditList{listOf(page.Audit), page.Next}), err
}
