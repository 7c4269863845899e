package index

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"earshot"
)

type callRow struct {
	bun.BaseModel `bun:"table:calls,alias:calls"`

	ID             string            `bun:"id,pk"`
	Seat           string            `bun:"seat"`
	Branch         string            `bun:"branch"`
	Agent          string            `bun:"agent"`
	AgentName      string            `bun:"agent_name"`
	Kind           earshot.SeatKind  `bun:"kind"`
	Direction      earshot.Direction `bun:"direction"`
	Number         string            `bun:"number"`
	NumberReversed string            `bun:"number_reversed"`
	Account        string            `bun:"account"`
	Ticket         string            `bun:"ticket"`
	Business       string            `bun:"business"`
	State          earshot.CallState `bun:"state"`
	StartedAt      int64             `bun:"started_at"`
	EndedAt        int64             `bun:"ended_at"`
	DurationMs     int64             `bun:"duration_ms"`
	Channels       int               `bun:"channels"`
	Rating         int               `bun:"rating"`
	Node           string            `bun:"node"`
	Words          string            `bun:"words"`

	talkColumns
	Origin      *string `bun:"origin"` // JSON of earshot.Origin
	OriginBatch *string `bun:"origin_batch"`
}

type partRow struct {
	bun.BaseModel `bun:"table:parts,alias:parts"`

	Call       string            `bun:"call,pk"`
	N          int               `bun:"n,pk"`
	File       string            `bun:"file"`
	Track      earshot.TrackKind `bun:"track"`
	Codec      earshot.Codec     `bun:"codec"`
	Channels   int               `bun:"channels"`
	StartMs    int64             `bun:"start_ms"`
	DurationMs int64             `bun:"duration_ms"`
	Bytes      int64             `bun:"bytes"`
	SHA256     string            `bun:"sha256"`
	Clock      string            `bun:"clock"` // JSON of []earshot.ClockPoint
	Entry      int64             `bun:"entry"` // its record in the ledger, noEntry until there is one
}

type gapRow struct {
	bun.BaseModel `bun:"table:gaps,alias:gaps"`

	Call    string        `bun:"call,pk"`
	I       int           `bun:"i,pk"` // the order in the call
	Side    earshot.Side  `bun:"side"`
	StartMs int64         `bun:"start_ms"`
	EndMs   int64         `bun:"end_ms"`
	Cause   earshot.Cause `bun:"cause"`
}

type markRow struct {
	bun.BaseModel `bun:"table:marks,alias:marks"`

	Call    string           `bun:"call,pk"`
	ID      string           `bun:"id,pk"`
	Kind    earshot.MarkKind `bun:"kind"`
	Side    earshot.Side     `bun:"side"`
	StartMs int64            `bun:"start_ms"`
	EndMs   int64            `bun:"end_ms"`
	Maker   string           `bun:"maker"`
	Text    string           `bun:"text"`
	Words   string           `bun:"words"` // Text as it is searched
	Shared  bool             `bun:"shared"`
}

// labelRow is a tag or a flag of a call; the table is named with each query.
type labelRow struct {
	bun.BaseModel `bun:"alias:label_row"`

	Call      string `bun:"call,pk"`
	Value     string `bun:"value,pk"`
	I         int    `bun:"i"` // the order in the call
	StartedAt int64  `bun:"started_at"`
}

// noEntry is the entry of what is not in the ledger.
const noEntry = -1

// Where tags and flags are kept.
const (
	tagTable  = "call_tags"
	flagTable = "call_flags"
)

// callRows are all rows of one call.
type callRows struct {
	call        callRow
	parts       []partRow
	gaps        []gapRow
	marks       []markRow
	tags, flags []labelRow
	above       []string // the branches above the call's; only where terms are made
}

func rowsOf(c earshot.Call) (callRows, error) {
	rows := callRows{call: callRow{
		ID: c.ID, Seat: c.Seat, Branch: c.Branch, Kind: c.Kind, Direction: c.Direction,
		Number: clean(c.Number), NumberReversed: reversed(clean(c.Number)), Account: clean(c.Account), Ticket: clean(c.Ticket),
		Business: clean(c.Business), State: c.State, StartedAt: msOf(c.StartedAt.Time), EndedAt: msOf(c.EndedAt.Time), DurationMs: c.DurationMs,
		Channels: c.Channels, Rating: c.Rating, Node: c.Node, Words: words(c),
	}}
	if c.Agent != nil {
		rows.call.Agent, rows.call.AgentName = clean(c.Agent.ID), clean(c.Agent.Name)
	}
	rows.call.talkColumns = talkColumnsOf(c)
	if err := rows.call.setOrigin(c.Origin); err != nil {
		return callRows{}, err
	}
	for _, p := range c.Parts {
		clock, err := json.Marshal(append([]earshot.ClockPoint{}, p.Clock...))
		if err != nil {
			return callRows{}, fmt.Errorf("write the clock of part %d: %w", p.N, err)
		}
		rows.parts = append(rows.parts, partRow{
			Call: c.ID, N: p.N, File: p.File, Track: p.Track, Codec: p.Codec, Channels: p.Channels,
			StartMs: p.StartMs, DurationMs: p.DurationMs, Bytes: p.Bytes, SHA256: p.SHA256, Clock: string(clock), Entry: noEntry,
		})
	}
	for i, g := range c.Gaps {
		rows.gaps = append(rows.gaps, gapRow{Call: c.ID, I: i, Side: g.Side, StartMs: g.StartMs, EndMs: g.EndMs, Cause: g.Cause})
	}
	for _, m := range c.Marks {
		rows.marks = append(rows.marks, rowOfMark(c.ID, m))
	}
	rows.tags = labels(c, c.Tags)
	rows.flags = labels(c, c.Flags)
	return rows, nil
}

// labels are the rows of tags or flags; one said twice counts once.
func labels[T ~string](c earshot.Call, values []T) []labelRow {
	var rows []labelRow
	seen := make(map[T]bool)
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			rows = append(rows, labelRow{Call: c.ID, Value: clean(string(v)), I: len(rows), StartedAt: msOf(c.StartedAt.Time)})
		}
	}
	return rows
}

func rowOfMark(call string, m earshot.Mark) markRow {
	return markRow{
		Call: call, ID: m.ID, Kind: m.Kind, Side: m.Side, StartMs: m.StartMs, EndMs: m.EndMs,
		Maker: clean(m.By), Text: clean(m.Text), Words: strings.ToLower(clean(m.Text)), Shared: m.Shared,
	}
}

func (r markRow) mark() earshot.Mark {
	return earshot.Mark{
		ID: r.ID, Kind: r.Kind, Side: r.Side, StartMs: r.StartMs, EndMs: r.EndMs,
		By: r.Maker, Text: r.Text, Shared: r.Shared,
	}
}

// call is the call with empty lists, to be filled by the rows of its other
// tables.
func (r callRow) call() earshot.Call {
	c := earshot.Call{
		ID: r.ID, Seat: r.Seat, Branch: r.Branch, Kind: r.Kind, Direction: r.Direction,
		Number: r.Number, Account: r.Account, Ticket: r.Ticket, Business: r.Business, State: r.State,
		StartedAt: earshot.At(timeOf(r.StartedAt)), EndedAt: earshot.At(timeOf(r.EndedAt)), DurationMs: r.DurationMs,
		Channels: r.Channels, Rating: r.Rating, Node: r.Node,
		Parts: []earshot.Part{}, Gaps: []earshot.Gap{}, Marks: []earshot.Mark{}, Tags: []string{}, Flags: []earshot.Flag{}, Holds: []earshot.Hold{},
	}
	if r.Agent != "" || r.AgentName != "" {
		c.Agent = &earshot.Agent{ID: r.Agent, Name: r.AgentName}
	}
	r.to(&c)
	return c
}

func (r partRow) part() (earshot.Part, error) {
	p := earshot.Part{
		N: r.N, File: r.File, Track: r.Track, Codec: r.Codec, Channels: r.Channels,
		StartMs: r.StartMs, DurationMs: r.DurationMs, Bytes: r.Bytes, SHA256: r.SHA256, Clock: []earshot.ClockPoint{},
	}
	if err := json.Unmarshal([]byte(r.Clock), &p.Clock); err != nil {
		return p, fmt.Errorf("read the clock of part %d of %s: %w", r.N, r.Call, err)
	}
	return p, nil
}

// reversed is s with its characters in reverse order.
func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

// words is what a text search looks at, in lower case, a line each. Private
// marks are not in it: only their maker may find them.
func words(c earshot.Call) string {
	lines := []string{c.Number, c.Account, c.Ticket, c.Business}
	if c.Agent != nil {
		lines = append(lines, c.Agent.ID, c.Agent.Name)
	}
	lines = append(lines, c.Tags...)
	for _, m := range c.Marks {
		if m.Shared {
			lines = append(lines, m.Text)
		}
	}
	said := lines[:0]
	for _, line := range lines {
		if line != "" {
			said = append(said, line)
		}
	}
	return strings.ToLower(clean(strings.Join(said, "\n")))
}
