package monitor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

// When analysis alerts, and judging the archive anew.

var analysisRoutes = []Route{
	{ID: "get-analysis", Method: get, Path: "/api/v1/analysis", Need: administer, Tag: "analysis",
		Summary: "When analysis alerts, how many calls were judged so, and how the last run over the archive stands"},
	{ID: "set-thresholds", Method: put, Path: "/api/v1/analysis/thresholds", Need: administer, Tag: "analysis",
		Summary: "Set when analysis alerts, for calls that end from now on"},
	{ID: "start-analysis", Method: post, Path: "/api/v1/analysis/runs", Need: administer, Tag: "analysis", Status: 202,
		Summary: "Judge stored calls anew; one that was stopped over the same calls goes on"},
	{ID: "stop-analysis", Method: del, Path: "/api/v1/analysis/runs", Need: administer, Tag: "analysis", Status: 204,
		Summary: "Stop the run under way"},
}

// Analysis is what the monitor needs of the analysis of calls; storage.Analysis
// satisfies it.
type Analysis interface {
	State(ctx context.Context) (index.AnalysisNote, error)
	Judged(ctx context.Context) (storage.Judged, error)
	Start(ctx context.Context, r storage.AnalysisRange) (index.AnalysisNote, error)
	Stop(ctx context.Context) error
	Thresholds(ctx context.Context) (index.SetThresholds, error)
	SetThresholds(ctx context.Context, t earshot.ThresholdsByKind, by string) (index.SetThresholds, error)
}

type analysisState struct {
	Thresholds earshot.ThresholdsByKind `json:"thresholds"`
	Defaults   earshot.ThresholdsByKind `json:"defaults"`
	SetBy      string                   `json:"setBy" doc:"empty: nobody has set them"`
	SetAt      earshot.Time             `json:"setAt" format:"date-time" doc:"null: nobody has set them"`
	Judged     storage.Judged           `json:"judged" doc:"stored calls, by the thresholds they were judged by"`
	Run        analysisRun              `json:"run"`
}

type analysisRun struct {
	State     string                  `json:"state" enum:"idle,running,stopped" doc:"stopped: by somebody"`
	StartedAt earshot.Time            `json:"startedAt" format:"date-time" doc:"null: there was none"`
	EndedAt   earshot.Time            `json:"endedAt" format:"date-time"`
	By        string                  `json:"by"`
	From      earshot.Time            `json:"from" format:"date-time" doc:"of calls that began from then on; null: of all"`
	To        earshot.Time            `json:"to" format:"date-time" doc:"and before then"`
	All       bool                    `json:"all" doc:"also of those that were judged by the present thresholds"`
	Done      int64                   `json:"done" doc:"calls looked at"`
	Total     int64                   `json:"total" doc:"to look at, when it began"`
	Changed   int64                   `json:"changed"`
	Untold    int64                   `json:"untold" doc:"calls of whose audio there are no levels"`
	Failed    int64                   `json:"failed"`
	Failures  []index.AnalysisFailure `json:"failures" doc:"the first 100"`
}

func (s *Server) analysisOperations(b *book) {
	enter(s, b, "get-analysis", s.getAnalysis)
	enter(s, b, "set-thresholds", s.setThresholds)
	enter(s, b, "start-analysis", s.startAnalysis)
	enter(s, b, "stop-analysis", func(ctx context.Context, _ *nothing) (*nothing, error) {
		if err := s.Analysis.Stop(ctx); err != nil {
			return nil, err
		}
		s.didTo(ctx, earshot.AuditAnalyseStop, "analysis", "")
		return nil, nil
	})
}

func (s *Server) getAnalysis(ctx context.Context, _ *nothing) (*body[analysisState], error) {
	set, err := s.Analysis.Thresholds(ctx)
	if err != nil {
		return nil, err
	}
	judged, err := s.Analysis.Judged(ctx)
	if err != nil {
		return nil, err
	}
	note, err := s.Analysis.State(ctx)
	if err != nil {
		return nil, err
	}
	return answerWith(analysisState{
		Thresholds: set.ThresholdsByKind, Defaults: earshot.DefaultThresholds(), SetBy: set.By, SetAt: earshot.At(set.At),
		Judged: judged, Run: runOf(note),
	}), nil
}

func runOf(n index.AnalysisNote) analysisRun {
	return analysisRun{
		State: n.State, StartedAt: n.StartedAt, EndedAt: n.EndedAt, By: n.By, From: n.From, To: n.To, All: n.All,
		Done: n.Done, Total: n.Total, Changed: n.Changed, Untold: n.Untold, Failed: n.Failed, Failures: listOf(n.Failures),
	}
}

func (s *Server) setThresholds(ctx context.Context, in *struct{ Body earshot.ThresholdsByKind }) (*body[earshot.ThresholdsByKind], error) {
	before, err := s.Analysis.Thresholds(ctx)
	if err != nil {
		return nil, err
	}
	set, err := s.Analysis.SetThresholds(ctx, in.Body, visitOf(ctx).who.Who())
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditUpdate, "thresholds", strings.Join(before.Changes(set.ThresholdsByKind), " "))
	return answerWith(set.ThresholdsByKind), nil
}

func (s *Server) startAnalysis(ctx context.Context, in *struct {
	Body struct {
		From time.Time `json:"from,omitempty" doc:"calls that began from then on; left out: all"`
		To   time.Time `json:"to,omitempty" doc:"and before then"`
		All  bool      `json:"all,omitempty" doc:"also those that were judged by the present thresholds"`
	} `required:"false"`
}) (*body[analysisRun], error) {
	note, err := s.Analysis.Start(ctx, storage.AnalysisRange{
		From: in.Body.From, To: in.Body.To, All: in.Body.All, By: visitOf(ctx).who.Who(),
	})
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditAnalyse, "analysis", saidRange(note))
	return answerWith(runOf(note)), nil
}

// saidRange is which calls a run is about, as the audit keeps it.
func saidRange(n index.AnalysisNote) string {
	var said []string
	for name, at := range map[string]earshot.Time{"from": n.From, "to": n.To} {
		if !at.IsZero() {
			said = append(said, name+"="+at.UTC().Format(time.RFC3339))
		}
	}
	slices.Sort(said)
	return strings.Join(append(said, fmt.Sprintf("all=%t", n.All)), " ")
}
