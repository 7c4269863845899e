package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// AnalysisNote is how far a run over the archive has come. It is kept so that a
// run goes on after a restart where it was.
type AnalysisNote struct {
	State     string       `json:"state"` // AnalysisIdle, AnalysisRunning, AnalysisStopped
	StartedAt earshot.Time `json:"startedAt"`
	EndedAt   earshot.Time `json:"endedAt"`
	BeatAt    earshot.Time `json:"beatAt"` // when it was seen at work last
	By        string       `json:"by"`
	Run       string       `json:"run"` // changes with whoever is at work on it

	From earshot.Time `json:"from"` // of calls that began from then on
	To   earshot.Time `json:"to"`   // and before then; null: no bound
	All  bool         `json:"all"`  // also those that were judged by the present thresholds

	Judged []string `json:"judged"` // the fingerprints of the thresholds when it began

	Cursor   string            `json:"cursor"` // the oldest call looked at
	Done     int64             `json:"done"`   // calls looked at
	Total    int64             `json:"total"`  // to look at, when it began
	Changed  int64             `json:"changed"`
	Untold   int64             `json:"untold"` // of which there are no levels
	Failed   int64             `json:"failed"`
	Failures []AnalysisFailure `json:"failures"` // the first of them
}

// AnalysisFailure is a call that could not be looked at.
type AnalysisFailure struct {
	Call string `json:"call"`
	Text string `json:"text"`
}

// The states of a run.
const (
	AnalysisIdle    = "idle"
	AnalysisRunning = "running"
	AnalysisStopped = "stopped" // by somebody, who may have it go on
)

type analysisRow struct {
	bun.BaseModel `bun:"table:analysis,alias:analysis"`

	Name string `bun:"name,pk"`
	Doc  string `bun:"doc"`
}

const theAnalysis = "run"

// Analysis is how far the last run has come; an idle one before the first.
func (ix *Index) Analysis(ctx context.Context) (AnalysisNote, error) {
	n, err := analysisNote(ctx, ix.read)
	return n, failed("read how far the analysis has come", err)
}

func analysisNote(ctx context.Context, db bun.IDB) (AnalysisNote, error) {
	n := AnalysisNote{State: AnalysisIdle, Failures: []AnalysisFailure{}}
	var row analysisRow
	err := db.NewSelect().Model(&row).Where("name = ?", theAnalysis).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(row.Doc), &n)
	}
	return n, err
}

// ChangeAnalysis keeps what change makes of the note, if it returns nil, and
// answers it. Changers take turns, on all nodes.
func (ix *Index) ChangeAnalysis(ctx context.Context, change func(*AnalysisNote) error) (n AnalysisNote, err error) {
	err = ix.change(ctx, lazy, "keep how far the analysis has come", func(tx bun.Tx) error {
		first := analysisRow{Name: theAnalysis, Doc: "{}"}
		if _, err := tx.NewInsert().Model(&first).On("CONFLICT (name) DO UPDATE").Set("name = EXCLUDED.name").Exec(ctx); err != nil {
			return err // the row is locked by it
		}
		if n, err = analysisNote(ctx, tx); err != nil {
			return err
		}
		if err := change(&n); err != nil {
			return err
		}
		doc, err := json.Marshal(n)
		if err != nil {
			return err
		}
		row := analysisRow{Name: theAnalysis, Doc: clean(string(doc))}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").Exec(ctx)
		return err
	})
	return n, err
}

// AnalysisQuery says which stored calls are to be analysed.
type AnalysisQuery struct {
	From, To time.Time // began at From or later, and before To; zero: no bound
	Judged   []string  // leave out those judged by one of these; see earshot.Thresholds.Fingerprint
	Never    bool      // only those that were never looked at
	Before   string    // with an id before this one
	Limit    int
}

// An id begins with so many characters that say when it was made, which lies no
// further than idsStray from the call's start.
const (
	idTime   = len("00000000-0000")
	idsStray = 48 * time.Hour
)

func (q AnalysisQuery) of(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.Table("calls").Where("state = ?", earshot.CallStored)
	// The walk is by id, newest first. An index on started_at would have to be sorted
	// for each few calls, and calls that never were analysed may be all the old ones.
	if !q.From.IsZero() {
		s = s.Where("+started_at >= ?", msOf(q.From))
		if early := q.From.Add(-idsStray); early.UnixMilli() > 0 {
			s = s.Where("id >= ?", earshot.NewID(early)[:idTime])
		}
	}
	if !q.To.IsZero() {
		s = s.Where("+started_at < ?", msOf(q.To))
	}
	switch {
	case q.Never:
		s = s.Where("talk_judged IS NULL")
	case len(q.Judged) > 0:
		s = s.Where("(talk_judged IS NULL OR talk_judged NOT IN (?))", bun.List(q.Judged))
	}
	if q.Before != "" {
		s = s.Where("id < ?", q.Before)
	}
	return s
}

// CallsToAnalyse are the ids that q finds, newest first.
func (ix *Index) CallsToAnalyse(ctx context.Context, q AnalysisQuery) ([]string, error) {
	ids := []string{}
	err := q.of(ix.read.NewSelect()).Column("id").OrderExpr("id DESC").Limit(int64(q.Limit)).Scan(ctx, &ids)
	return ids, failed("list calls to analyse", err)
}

// CountToAnalyse is how many calls q finds.
func (ix *Index) CountToAnalyse(ctx context.Context, q AnalysisQuery) (n int64, err error) {
	err = q.of(ix.read.NewSelect()).ColumnExpr("COUNT(*)").Scan(ctx, &n)
	return n, failed("count calls to analyse", err)
}

// CountJudged is how many stored calls were judged by which thresholds; "" has
// those that were never looked at.
func (ix *Index) CountJudged(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Judged string `bun:"judged"`
		N      int64  `bun:"n"`
	}
	err := ix.read.NewSelect().Table("calls").ColumnExpr("COALESCE(talk_judged, '') AS judged, COUNT(*) AS n").
		Where("state = 'stored'").GroupExpr("talk_judged").Scan(ctx, &rows)
	judged := make(map[string]int64, len(rows))
	for _, r := range rows {
		judged[r.Judged] += r.N
	}
	return judged, failed("count calls by how they were judged", err)
}

// CallsOf are the calls ids, in that order, without those that there are not.
func (ix *Index) CallsOf(ctx context.Context, ids []string) ([]earshot.Call, error) {
	calls, err := callsOf(ctx, ix.read, ids)
	return calls, failed("read calls", err)
}
