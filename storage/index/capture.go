package index

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type announcementRow struct {
	bun.BaseModel `bun:"table:announcements,alias:announcements"`

	ID         string `bun:"id,pk"`
	Seat       string `bun:"seat"`
	At         int64  `bun:"at"`
	DurationMs int64  `bun:"duration_ms"`
	Ref        string `bun:"ref"`
	Number     string `bun:"number"`
	Source     string `bun:"source"`
}

func (r announcementRow) announcement() earshot.Announcement {
	return earshot.Announcement{ID: r.ID, Seat: r.Seat, At: earshot.AtMs(r.At), DurationMs: r.DurationMs,
		Ref: r.Ref, Number: r.Number, Source: r.Source}
}

// Announce keeps an announcement, in place of what was said of the same
// conversation of the seat before.
func (ix *Index) Announce(ctx context.Context, a earshot.Announcement) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if a.ID == "" {
		a.ID = earshot.NewID(a.At.Time)
	}
	row := announcementRow{ID: a.ID, Seat: a.Seat, At: msOf(a.At.Time), DurationMs: a.DurationMs,
		Ref: clean(a.Ref), Number: clean(a.Number), Source: clean(a.Source)}
	return ix.change(ctx, lazy, "keep an announcement", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (seat, ref) DO UPDATE").
			Set("at = EXCLUDED.at, duration_ms = EXCLUDED.duration_ms, number = EXCLUDED.number, source = EXCLUDED.source").Exec(ctx)
		return err
	})
}

type streamRow struct {
	bun.BaseModel `bun:"table:streams,alias:streams"`

	ID        string `bun:"id,pk"`
	Since     int64  `bun:"since,pk"`
	Until     int64  `bun:"until"`
	Seat      string `bun:"seat"`
	Node      string `bun:"node"`
	Sides     string `bun:"sides"` // with commas
	Packets   int64  `bun:"packets"`
	SpokeMs   int64  `bun:"spoke_ms"`
	OutsideMs int64  `bun:"outside_ms"`
	OutsideAt int64  `bun:"outside_at"`
	DeadMic   string `bun:"dead_mic"`
	Bleed     bool   `bun:"bleed"`
}

func rowOfStream(s earshot.StreamSpan) streamRow {
	return streamRow{ID: s.ID, Since: msOf(s.Since.Time), Until: msOf(s.Until.Time), Seat: s.Seat, Node: s.Node,
		Sides: strings.Join(texts(s.Sides), ","), Packets: s.Packets, SpokeMs: s.SpokeMs,
		OutsideMs: s.OutsideMs, OutsideAt: msOf(s.OutsideAt.Time), DeadMic: string(s.DeadMic), Bleed: s.Bleed}
}

func (r streamRow) span() earshot.StreamSpan {
	s := earshot.StreamSpan{ID: r.ID, Seat: r.Seat, Node: r.Node, Since: earshot.At(timeOf(r.Since)), Until: earshot.At(timeOf(r.Until)),
		Packets: r.Packets, SpokeMs: r.SpokeMs, OutsideMs: r.OutsideMs, OutsideAt: earshot.At(timeOf(r.OutsideAt)),
		DeadMic: earshot.Side(r.DeadMic), Bleed: r.Bleed}
	for _, side := range strings.FieldsFunc(r.Sides, func(c rune) bool { return c == ',' }) {
		s.Sides = append(s.Sides, earshot.Side(side))
	}
	return s
}

// SaveStreams keeps what was seen of streams, in place of what was known of the
// same spans.
func (ix *Index) SaveStreams(ctx context.Context, spans []earshot.StreamSpan) error {
	if len(spans) == 0 {
		return nil
	}
	return ix.change(ctx, lazy, "keep what was seen of streams", func(tx bun.Tx) error {
		for len(spans) > 0 {
			some := spans[:min(rowsAtOnce, len(spans))]
			spans = spans[len(some):]
			rows := make([]streamRow, len(some))
			for i, s := range some {
				rows[i] = rowOfStream(s)
			}
			if _, err := tx.NewInsert().Model(&rows).On("CONFLICT (id, since) DO UPDATE").
				Set("until = EXCLUDED.until, packets = EXCLUDED.packets, spoke_ms = EXCLUDED.spoke_ms, outside_ms = EXCLUDED.outside_ms").
				Set("outside_at = EXCLUDED.outside_at, dead_mic = EXCLUDED.dead_mic, bleed = EXCLUDED.bleed").Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

type soundCheckRow struct {
	bun.BaseModel `bun:"table:sound_checks,alias:sound_checks"`

	ID           string              `bun:"id,pk"`
	Seat         string              `bun:"seat"`
	At           int64               `bun:"at"`
	Result       earshot.SoundResult `bun:"result"`
	AgentDBov    int                 `bun:"agent_dbov"`
	CustomerDBov int                 `bun:"customer_dbov"`
}

// AddSoundCheck keeps a sound check.
func (ix *Index) AddSoundCheck(ctx context.Context, c earshot.SoundCheck) error {
	if c.ID == "" {
		c.ID = earshot.NewID(c.At.Time)
	}
	row := soundCheckRow{ID: c.ID, Seat: c.Seat, At: msOf(c.At.Time), Result: c.Result, AgentDBov: c.AgentDBov, CustomerDBov: c.CustomerDBov}
	return ix.change(ctx, lazy, "keep a sound check", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
}

// MarkUnheard notes that in a stored call nobody is to be heard, or that
// somebody is.
func (ix *Index) MarkUnheard(ctx context.Context, call string, startedAt time.Time, unheard bool) error {
	if !unheard { // as nearly all are: nothing to write
		marked, err := ix.read.NewSelect().Table("unheard_calls").Where("call = ?", call).Exists(ctx)
		if err != nil || !marked {
			return failed("look for a silent call", err)
		}
	}
	return ix.change(ctx, lazy, "note a silent call", func(tx bun.Tx) error {
		if !unheard {
			_, err := tx.NewDelete().Table("unheard_calls").Where("call = ?", call).Exec(ctx)
			return err
		}
		_, err := tx.NewRaw("INSERT INTO unheard_calls (call, started_at) VALUES (?, ?) ON CONFLICT (call) DO UPDATE SET started_at = EXCLUDED.started_at",
			call, msOf(startedAt)).Exec(ctx)
		return err
	})
}

// CapturePart is a part's file as the index has it.
type CapturePart struct {
	Call  string `bun:"call"`
	File  string `bun:"file"`
	Bytes int64  `bun:"bytes"`
}

// CaptureParts are the complete parts of the calls that began from from on and
// before to, of one seat unless that is empty.
func (ix *Index) CaptureParts(ctx context.Context, from, to time.Time, seat string) ([]CapturePart, error) {
	var parts []CapturePart
	q := ix.read.NewSelect().ColumnExpr("parts.call AS call, parts.file AS file, parts.bytes AS bytes").TableExpr("calls").
		Join("JOIN parts ON parts.call = calls.id").
		Where("calls.started_at >= ? AND calls.started_at < ?", msOf(from), msOf(to)).
		Where("calls.state = ?", earshot.CallStored).Where("parts.sha256 <> ''")
	err := ofSeat(q, "calls.seat", seat).Scan(ctx, &parts)
	return parts, failed("list a day's parts", err)
}

func ofSeat(q *bun.SelectQuery, column, seat string) *bun.SelectQuery {
	if seat == "" {
		return q
	}
	return q.Where("? = ?", bun.Ident(column), seat)
}

// BranchesBelow are a branch and all branches below it.
func (ix *Index) BranchesBelow(ctx context.Context, branch string) (map[string]bool, error) {
	all, err := ix.Branches(ctx)
	if err != nil {
		return nil, err
	}
	return subtree(all, []string{branch}), nil
}
