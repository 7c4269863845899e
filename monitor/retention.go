package monitor

import (
	"context"
	"fmt"
	"time"

	"earshot"
	"earshot/storage"
)

// How long calls are kept, and what goes.

var retentionRoutes = []Route{
	{ID: "list-policies", Method: get, Path: "/api/v1/policies", Need: may(earshot.Inspect), Tag: "retention", Summary: "How long calls are kept"},
	{ID: "create-policy", Method: post, Path: "/api/v1/policies", Need: administer, Tag: "retention", Status: 201, Summary: "Make a policy"},
	{ID: "update-policy", Method: patch, Path: "/api/v1/policies/{id}", Need: administer, Tag: "retention", Summary: "Change a policy"},
	{ID: "delete-policy", Method: del, Path: "/api/v1/policies/{id}", Need: administer, Tag: "retention", Status: 204,
		Summary: "Take a policy away; what only it ordered to go stays"},
	{ID: "preview-retention", Method: get, Path: "/api/v1/retention/preview", Need: may(earshot.Inspect), Tag: "retention",
		Summary: "What goes at an instant and by whose order, as policies and holds are now"},
	{ID: "preview-policies", Method: post, Path: "/api/v1/retention/preview", Need: administer, Tag: "retention",
		Summary: "What would go if the policies were these; nothing is changed"},
	{ID: "list-retention-runs", Method: get, Path: "/api/v1/retention/runs", Need: may(earshot.Inspect), Tag: "retention",
		Summary: "What retention did, newest first"},
}

type policyList struct {
	Policies []earshot.Policy `json:"policies"`
}

type newPolicy struct {
	ID         string           `json:"id" maxLength:"64"`
	Name       string           `json:"name" maxLength:"400"`
	Branch     string           `json:"branch,omitempty" maxLength:"64" doc:"with all branches below it; left out: any"`
	Kind       earshot.SeatKind `json:"kind,omitempty" enum:"counter,hotline," doc:"left out: any"`
	Business   string           `json:"business,omitempty" maxLength:"256" doc:"left out: any"`
	KeepDays   int              `json:"keepDays,omitempty" doc:"keep at least so long"`
	DeleteDays int              `json:"deleteDays,omitempty" doc:"delete after so long; 0: never, whatever other policies say"`
}

type policyPatch struct {
	Name       *string           `json:"name,omitempty" maxLength:"400"`
	Branch     *string           `json:"branch,omitempty" maxLength:"64"`
	Kind       *earshot.SeatKind `json:"kind,omitempty" enum:"counter,hotline,"`
	Business   *string           `json:"business,omitempty" maxLength:"256"`
	KeepDays   *int              `json:"keepDays,omitempty"`
	DeleteDays *int              `json:"deleteDays,omitempty"`
}

type dueCall struct {
	Call   earshot.Call `json:"call"`
	Policy string       `json:"policy" doc:"by whose order"`
	DueAt  earshot.Time `json:"dueAt" format:"date-time" doc:"since when it may go"`
}

type preview struct {
	At          earshot.Time `json:"at" format:"date-time" doc:"what goes at this instant"`
	RunsAt      earshot.Time `json:"runsAt" format:"date-time" doc:"when retention runs next"`
	Calls       []dueCall    `json:"calls" doc:"those that ended first"`
	Count       int          `json:"count" doc:"calls that go"`
	CountCapped bool         `json:"countCapped" doc:"there are more than were counted"`
	Bytes       int64        `json:"bytes" doc:"of the audio of the calls counted"`
	Held        int          `json:"held" doc:"calls that would go if no hold kept them"`
	Next        string       `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type runList struct {
	Runs []earshot.RetentionRun `json:"runs"`
}

func (s *Server) retentionOperations(b *book) {
	enter(s, b, "list-policies", func(ctx context.Context, _ *nothing) (*body[policyList], error) {
		policies, err := s.Archive.Policies(ctx)
		return answerWith(policyList{listOf(policies)}), err
	})
	enter(s, b, "create-policy", func(ctx context.Context, in *struct{ Body newPolicy }) (*body[earshot.Policy], error) {
		policy := earshot.Policy(in.Body)
		if err := s.Archive.CreatePolicy(ctx, policy); err != nil {
			return nil, err
		}
		s.didTo(ctx, earshot.AuditCreate, "policy:"+policy.ID, said(policy))
		return answerWith(policy), nil
	})
	enter(s, b, "update-policy", s.updatePolicy)
	enter(s, b, "delete-policy", func(ctx context.Context, in *ByID) (*nothing, error) {
		policy, err := s.Archive.Policy(ctx, in.ID)
		if err == nil {
			err = s.Archive.DeletePolicy(ctx, in.ID)
		}
		if err != nil {
			return nil, err
		}
		s.didTo(ctx, earshot.AuditDelete, "policy:"+in.ID, said(policy))
		return nil, nil
	})
	enter(s, b, "preview-retention", s.previewRetention)
	enter(s, b, "preview-policies", s.previewPolicies)
	enter(s, b, "list-retention-runs", func(ctx context.Context, _ *nothing) (*body[runList], error) {
		runs, err := s.Archive.Runs(ctx, 100)
		return answerWith(runList{listOf(runs)}), err
	})
}

// said is a policy as the audit keeps it: what was allowed to go when is asked
// when the policy itself is long changed.
func said(p earshot.Policy) string {
	return fmt.Sprintf("branch=%q kind=%q business=%q keepDays=%d deleteDays=%d", p.Branch, p.Kind, p.Business, p.KeepDays, p.DeleteDays)
}

func (s *Server) updatePolicy(ctx context.Context, in *struct {
	ByID
	Body policyPatch
}) (*body[earshot.Policy], error) {
	policy, err := s.Archive.Policy(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	before := policy
	var fields changes
	set(&fields, "name", &policy.Name, in.Body.Name)
	set(&fields, "branch", &policy.Branch, in.Body.Branch)
	set(&fields, "kind", &policy.Kind, in.Body.Kind)
	set(&fields, "business", &policy.Business, in.Body.Business)
	set(&fields, "keepDays", &policy.KeepDays, in.Body.KeepDays)
	set(&fields, "deleteDays", &policy.DeleteDays, in.Body.DeleteDays)
	if err := s.Archive.SavePolicy(ctx, policy); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditUpdate, "policy:"+policy.ID, said(before)+" → "+said(policy))
	return answerWith(policy), nil
}

// PreviewQuery is when to look, and which page of what goes then.
type PreviewQuery struct {
	At     string `query:"at" maxLength:"40" doc:"RFC 3339; when retention runs next if left out"`
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) previewRetention(ctx context.Context, in *PreviewQuery) (*body[preview], error) {
	return s.preview(ctx, *in, s.Archive.Due)
}

func (s *Server) previewPolicies(ctx context.Context, in *struct {
	PreviewQuery
	Body struct {
		Policies []newPolicy `json:"policies" maxItems:"1000" doc:"all there would be"`
	}
}) (*body[preview], error) {
	policies := make([]earshot.Policy, len(in.Body.Policies))
	for i, p := range in.Body.Policies {
		policies[i] = earshot.Policy(p)
	}
	return s.preview(ctx, in.PreviewQuery, func(ctx context.Context, at time.Time, cursor string, limit int) (storage.DuePage, error) {
		return s.Archive.DueUnder(ctx, policies, at, cursor, limit)
	})
}

func (s *Server) preview(ctx context.Context, in PreviewQuery, due func(ctx context.Context, at time.Time, cursor string, limit int) (storage.DuePage, error)) (*body[preview], error) {
	runs := s.RetentionAt.After(s.Now().In(s.Location))
	at := runs
	if in.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, in.At); err != nil {
			return nil, earshot.Fail(earshot.Invalid, "bad_time", "at is an RFC 3339 time")
		}
	}
	page, err := due(ctx, at, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	answer := preview{At: earshot.At(at), RunsAt: earshot.At(runs), Calls: []dueCall{},
		Count: page.Count, CountCapped: page.Capped, Bytes: page.Bytes, Held: page.Held, Next: page.Next}
	for _, due := range page.Calls {
		answer.Calls = append(answer.Calls, dueCall{seenBy(visitOf(ctx).who, due.Call), due.Policy, due.DueAt})
	}
	return answerWith(answer), nil
}
