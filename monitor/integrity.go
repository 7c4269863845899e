package monitor

import (
	"context"

	"earshot"
)

// Whether what is kept is still what was stored.

var integrityRoutes = []Route{
	{ID: "get-integrity", Method: get, Path: "/api/v1/integrity", Need: may(earshot.Inspect), Tag: "integrity",
		Summary: "What was found wrong, and how the check of the archive stands"},
	{ID: "start-scrub", Method: post, Path: "/api/v1/integrity/scrub", Need: may(earshot.Inspect), Tag: "integrity", Status: 202,
		Summary: "Check a share of the archive, the whole ledger and all files' names now"},
	{ID: "resolve-problem", Method: post, Path: "/api/v1/integrity/problems/{id}/resolve", Need: may(earshot.Inspect), Tag: "integrity",
		Summary: "Say what became of a problem; found again it is a new one"},
}

// Problems is what the monitor needs of what was found wrong; storage.Problems
// satisfies it.
type Problems interface {
	List(ctx context.Context, limit int) (open []earshot.IntegrityProblem, all int64, resolved []earshot.IntegrityProblem, err error)
	Resolve(ctx context.Context, id, by, reason string) (earshot.IntegrityProblem, error)
	Damaged(ctx context.Context) ([]earshot.DamagedFile, error)
}

// Scrub is what the monitor needs of the check of the archive; storage.Scrub
// satisfies it.
type Scrub interface {
	State(ctx context.Context) (earshot.ScrubState, error)
	Start(ctx context.Context) error
}

// mostProblems bounds the list of problems, open and resolved each.
const mostProblems = 200

type integrity struct {
	Scrub    earshot.ScrubState         `json:"scrub"`
	Problems []earshot.IntegrityProblem `json:"problems" doc:"what is open, newest first, then what was resolved last; at most 200 each"`
	Open     int64                      `json:"open" doc:"problems that are open in all"`
	Damaged  []earshot.DamagedFile      `json:"damaged" doc:"files that were set aside and are still there, newest first"`
}

func (s *Server) integrityOperations(b *book) {
	enter(s, b, "get-integrity", s.getIntegrity)
	enter(s, b, "start-scrub", s.startScrub)
	enter(s, b, "resolve-problem", s.resolveProblem)
}

func (s *Server) getIntegrity(ctx context.Context, _ *nothing) (*body[integrity], error) {
	scrub, err := s.Scrub.State(ctx)
	if err != nil {
		return nil, err
	}
	open, all, resolved, err := s.Problems.List(ctx, mostProblems)
	if err != nil {
		return nil, err
	}
	damaged, err := s.Problems.Damaged(ctx)
	if err != nil {
		return nil, err
	}
	return answerWith(integrity{scrub, listOf(append(open, resolved...)), all, listOf(damaged)}), nil
}

func (s *Server) startScrub(ctx context.Context, _ *nothing) (*nothing, error) {
	if err := s.Scrub.Start(ctx); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditScrub, "", "")
	return nil, nil
}

func (s *Server) resolveProblem(ctx context.Context, in *struct {
	ByID
	Body struct {
		Reason string `json:"reason" maxLength:"2000"`
	}
}) (*body[earshot.IntegrityProblem], error) {
	problem, err := s.Problems.Resolve(ctx, in.ID, visitOf(ctx).who.Who(), in.Body.Reason)
	if err != nil {
		return nil, err
	}
	s.did(ctx, earshot.AuditResolve, Subject{Seat: "problem:" + problem.ID, Call: problem.Call}, problem.Reason)
	return answerWith(problem), nil
}
