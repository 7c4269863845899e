package index

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// CaptureFacts are all that the index knows of what was announced, seen and
// recorded from from on and before to; of one seat unless that is empty. Its
// Branch is left to the caller. All is read in one transaction.
func (ix *Index) CaptureFacts(ctx context.Context, from, to time.Time, seat string, now time.Time, tolerance time.Duration) (earshot.CaptureFacts, error) {
	f := gathering{ctx: ctx, from: msOf(from), to: msOf(to), seat: seat, now: msOf(now), tolerance: tolerance.Milliseconds()}
	err := ix.read.RunInTx(ctx, snapshot, func(_ context.Context, tx bun.Tx) error {
		f.tx = tx
		for _, step := range []struct {
			what string
			do   func() error
		}{
			{"count calls", f.calls}, {"find odd calls", f.odd}, {"count announcements", f.announced},
			{"find what was announced", f.open}, {"find calls near", f.near},
			{"list streams", f.streams}, {"list sound checks", f.checks},
		} {
			if err := step.do(); err != nil {
				return fmt.Errorf("%s: %w", step.what, err)
			}
		}
		return nil
	})
	return f.facts, failed("verify what was captured", err)
}

type gathering struct {
	ctx            context.Context
	tx             bun.Tx
	from, to       int64
	seat           string
	now, tolerance int64
	facts          earshot.CaptureFacts
}

func (g *gathering) calls() error {
	var rows []struct {
		Seat    string `bun:"seat"`
		Branch  string `bun:"branch"`
		Calls   int    `bun:"calls"`
		Stored  int    `bun:"stored"`
		Deleted int    `bun:"deleted"`
		TalkMs  int64  `bun:"talk_ms"`
	}
	q := g.tx.NewSelect().TableExpr("calls").
		ColumnExpr("seat, MAX(branch) AS branch, COUNT(*) AS calls, COALESCE(SUM(duration_ms), 0) AS talk_ms").
		ColumnExpr("COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0) AS stored", earshot.CallStored).
		ColumnExpr("COALESCE(SUM(CASE WHEN state = ? THEN 1 ELSE 0 END), 0) AS deleted", earshot.CallDeleted).
		Where("started_at >= ? AND started_at < ?", g.from, g.to).GroupExpr("seat")
	if err := ofSeat(q, "seat", g.seat).Scan(g.ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		g.facts.Calls = append(g.facts.Calls, earshot.SeatCalls(r))
	}
	return nil
}

// captureRow is a call as verification needs it.
type captureRow struct {
	ID         string            `bun:"id"`
	Seat       string            `bun:"seat"`
	State      earshot.CallState `bun:"state"`
	StartedAt  int64             `bun:"started_at"`
	DurationMs int64             `bun:"duration_ms"`
	Audio      bool              `bun:"audio"`
	Damaged    bool              `bun:"damaged"`
	Unheard    bool              `bun:"unheard"`
	OneSided   bool              `bun:"one_sided"`
}

func (r captureRow) call() earshot.CaptureCall {
	c := earshot.CaptureCall{ID: r.ID, Seat: r.Seat, State: r.State, StartedAt: timeOf(r.StartedAt), DurationMs: r.DurationMs,
		Audio: r.Audio, Unheard: r.Unheard, OneSided: r.OneSided}
	if r.Damaged {
		c.Damaged = "?"
	}
	return c
}

// withAudio is whether a file of the call was completed. A tombstone's was.
const withAudio = "(calls.state = 'deleted' OR EXISTS (SELECT 1 FROM parts WHERE parts.call = calls.id AND parts.sha256 <> ''))"

// oddFlags are on every call that something may be the matter with: one without
// any audio has a gap as long as itself, or is damaged or interrupted.
var oddFlags = []earshot.Flag{earshot.FlagOneSided, earshot.FlagDamaged, earshot.FlagGaps, earshot.FlagInterrupted}

func (g *gathering) odd() error {
	flagged := g.tx.NewSelect().ColumnExpr("call").Table(flagTable).
		Where("value IN (?)", bun.List(oddFlags)).Where("started_at >= ? AND started_at < ?", g.from, g.to)
	unheard := g.tx.NewSelect().ColumnExpr("call").Table("unheard_calls").Where("started_at >= ? AND started_at < ?", g.from, g.to)
	live := g.tx.NewSelect().ColumnExpr("id").Table("calls").Where("state <> 'stored'").Where("state = ?", earshot.CallLive).
		Where("started_at >= ? AND started_at < ?", g.from, g.to)
	flag := "EXISTS (SELECT 1 FROM call_flags WHERE call_flags.call = calls.id AND call_flags.value = ?)"
	q := g.tx.NewSelect().TableExpr("calls").
		ColumnExpr("calls.id, calls.seat, calls.state, calls.started_at, calls.duration_ms").
		ColumnExpr(withAudio+" AS audio").
		ColumnExpr(flag+" AS damaged", earshot.FlagDamaged).
		ColumnExpr(flag+" AS one_sided", earshot.FlagOneSided).
		ColumnExpr("EXISTS (SELECT 1 FROM unheard_calls WHERE unheard_calls.call = calls.id) AS unheard").
		Where("calls.id IN (? UNION ? UNION ?)", flagged, unheard, live)
	var rows []captureRow
	if err := ofSeat(q, "calls.seat", g.seat).Scan(g.ctx, &rows); err != nil {
		return err
	}
	gaps, err := g.gaps()
	if err != nil {
		return fmt.Errorf("add up gaps: %w", err)
	}
	for _, r := range rows {
		c := r.call()
		if worst := gaps[c.ID]; worst.ms > 0 {
			c.GapMs, c.GapSide = worst.ms, worst.side
		}
		g.facts.Odd = append(g.facts.Odd, c)
	}
	return nil
}

// lostCauses are those of gaps that should not be.
var lostCauses = []earshot.Cause{earshot.CauseLost, earshot.CauseStalled, earshot.CauseDisconnected, earshot.CauseOverflow,
	earshot.CauseRecorderDown, earshot.CauseDamaged}

type sideGap struct {
	side earshot.Side
	ms   int64
}

// gaps are what is missing of each call that has the flag, of its worse side.
func (g *gathering) gaps() (map[string]sideGap, error) {
	var rows []struct {
		Call string       `bun:"call"`
		Side earshot.Side `bun:"side"`
		Ms   int64        `bun:"ms"`
	}
	err := g.tx.NewSelect().TableExpr("call_flags").Join("JOIN gaps ON gaps.call = call_flags.call").
		ColumnExpr("gaps.call AS call, gaps.side AS side, SUM(gaps.end_ms - gaps.start_ms) AS ms").
		Where("call_flags.value = ?", earshot.FlagGaps).
		Where("call_flags.started_at >= ? AND call_flags.started_at < ?", g.from, g.to).
		Where("gaps.cause IN (?)", bun.List(lostCauses)).
		GroupExpr("gaps.call, gaps.side").Scan(g.ctx, &rows)
	worst := map[string]sideGap{}
	for _, r := range rows {
		if r.Ms > worst[r.Call].ms {
			worst[r.Call] = sideGap{r.Side, r.Ms}
		}
	}
	return worst, err
}

func (g *gathering) announced() error {
	var rows []struct {
		Seat string `bun:"seat"`
		N    int    `bun:"n"`
	}
	q := g.tx.NewSelect().TableExpr("announcements").ColumnExpr("seat, COUNT(*) AS n").
		Where("at >= ? AND at < ?", g.from, g.to).GroupExpr("seat")
	if err := ofSeat(q, "seat", g.seat).Scan(g.ctx, &rows); err != nil {
		return err
	}
	g.facts.Announced = map[string]int{}
	for _, r := range rows {
		g.facts.Announced[r.Seat] = r.N
	}
	return nil
}

// unanswered are the announcements that do not name a recorded call.
func (g *gathering) unanswered(q *bun.SelectQuery) *bun.SelectQuery {
	q = q.TableExpr("announcements").Where("announcements.at >= ? AND announcements.at < ?", g.from, g.to).
		Where("NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = announcements.ref AND calls.seat = announcements.seat AND (calls.state = 'live' OR " + withAudio + "))")
	return ofSeat(q, "announcements.seat", g.seat)
}

func (g *gathering) open() error {
	var rows []announcementRow
	if err := g.unanswered(g.tx.NewSelect().ColumnExpr("announcements.*")).Scan(g.ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		g.facts.Open = append(g.facts.Open, r.announcement())
	}
	return nil
}

// near are calls that may answer the open announcements. One under way is as
// long as it is old.
func (g *gathering) near() error {
	if len(g.facts.Open) == 0 {
		return nil
	}
	latest := g.to
	for _, a := range g.facts.Open {
		latest = max(latest, msOf(a.At.Time)+a.DurationMs)
	}
	seats := g.unanswered(g.tx.NewSelect().ColumnExpr("announcements.seat"))
	var rows []captureRow
	err := g.tx.NewSelect().TableExpr("calls").
		ColumnExpr("calls.id, calls.seat, calls.state, calls.started_at").
		ColumnExpr("CASE WHEN calls.state = ? THEN ? - calls.started_at ELSE calls.duration_ms END AS duration_ms", earshot.CallLive, g.now).
		Where("calls.started_at >= ? AND calls.started_at <= ?", g.from-longestMs, latest+g.tolerance).
		Where("calls.seat IN (?)", seats).
		Where("calls.state = 'live' OR "+withAudio).Scan(g.ctx, &rows)
	for _, r := range rows {
		c := r.call()
		c.Audio = true
		g.facts.Near = append(g.facts.Near, c)
	}
	return err
}

// spanMs is longer than any row of streams.
const spanMs = int64(2 * time.Hour / time.Millisecond)

func (g *gathering) streams() error {
	var rows []streamRow
	q := g.tx.NewSelect().Model(&rows).Where("since >= ? AND since < ?", g.from-spanMs, g.to).Where("until >= ?", g.from).OrderExpr("since, id")
	if err := ofSeat(q, "seat", g.seat).Scan(g.ctx); err != nil {
		return err
	}
	for _, r := range rows {
		g.facts.Streams = append(g.facts.Streams, r.span())
	}
	return nil
}

func (g *gathering) checks() error {
	var rows []soundCheckRow
	q := g.tx.NewSelect().Model(&rows).Where("at >= ? AND at < ?", g.from, g.to).OrderExpr("at, id")
	if err := ofSeat(q, "seat", g.seat).Scan(g.ctx); err != nil {
		return err
	}
	for _, r := range rows {
		g.facts.Checks = append(g.facts.Checks, earshot.SoundCheck{ID: r.ID, Seat: r.Seat, At: earshot.AtMs(r.At),
			Result: r.Result, AgentDBov: r.AgentDBov, CustomerDBov: r.CustomerDBov})
	}
	return nil
}
