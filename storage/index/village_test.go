package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
)

// villageStep is how long it takes until others call: they are in several slices.
const villageStep = 13 * time.Hour

// village is a small place with all sorts of calls.
type village struct {
	calls  []earshot.Call // newest first
	played map[string]bool
	holds  []earshot.Hold
	start  time.Time
	now    time.Time
}

var (
	someWords   = []string{"水费", "漏水", "停电", "燃气表", "投诉", "VIP", "Late", "水表坏", "费水", "ＡＢ", "50%_", "a", "表"}
	someNumbers = []string{"13800001234", "13900012345", "12345", "057188881234", "", "1234567", "95598"}
	someAgents  = []earshot.Agent{{ID: "A0017", Name: "王小明"}, {ID: "1002", Name: "李丽"}, {ID: "1003", Name: ""}, {ID: "王小明", Name: "1002"}}
)

func some[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func makeVillage(t *testing.T, ix *Index, r *rand.Rand) *village {
	v := &village{played: map[string]bool{}, start: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	v.now = v.start.AddDate(0, 2, 0)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []earshot.Branch{{ID: "city", Name: "市"}, {ID: "hall", Name: "厅", Parent: "city"}, {ID: "line", Name: "热线", Parent: "city"}} {
		must(ix.CreateBranch(t.Context(), b))
	}
	for i := range 300 {
		c := v.call(r, i)
		must(ix.SaveCall(t.Context(), c))
		if r.IntN(3) == 0 { // as it came to be
			c = v.again(r, c)
			must(ix.SaveCall(t.Context(), c))
		}
		if r.IntN(4) == 0 {
			v.played[c.ID] = true
			must(ix.AddAudit(t.Context(), earshot.Audit{At: c.StartedAt, Who: "ins", Action: earshot.AuditPlay, Call: c.ID}))
		}
		if c.State != earshot.CallLive && r.IntN(12) == 0 {
			c = c.Tombstone(earshot.Deletion{At: earshot.At(v.now), By: "boss", Reason: "r"})
			must(ix.PutTombstone(t.Context(), c))
		}
		v.calls = append(v.calls, c)
	}
	v.hold(t, ix, r)
	slices.SortFunc(v.calls, func(a, b earshot.Call) int {
		if n := b.StartedAt.Compare(a.StartedAt.Time); n != 0 {
			return n
		}
		return strings.Compare(b.ID, a.ID)
	})
	return v
}

// hold keeps some calls, by themselves and by windows of time, of which some
// overlap, and some are over.
func (v *village) hold(t *testing.T, ix *Index, r *rand.Rand) {
	for i := range 24 {
		h := earshot.Hold{ID: fmt.Sprint("hold-", i), Reason: "r", By: "boss", At: earshot.At(v.start)}
		if i%2 == 0 {
			c := some(r, v.calls)
			if c.State == earshot.CallDeleted {
				continue
			}
			h.Call = c.ID
		} else {
			from := v.at(r.IntN(60))
			h.Seat, h.From, h.To = some(r, []string{"c1", "h1"}), earshot.At(from), earshot.At(from.Add(time.Duration(r.IntN(9))*villageStep))
		}
		if i%3 == 0 {
			h.Until = earshot.At(v.now.Add(time.Duration(r.IntN(3)-1) * time.Hour))
		}
		if err := ix.PutHold(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		v.holds = append(v.holds, h)
	}
}

// at is when calls are made, after so many steps.
func (v *village) at(steps int) time.Time { return v.start.Add(time.Duration(steps) * villageStep) }

func (v *village) held(c earshot.Call) bool {
	return slices.ContainsFunc(v.holds, func(h earshot.Hold) bool { return h.Active(v.now) && h.Covers(c) })
}

func (v *village) call(r *rand.Rand, i int) earshot.Call {
	at := v.at(i / 4) // four at once
	c := earshot.Call{
		ID: earshot.NewID(at), Seat: some(r, []string{"c1", "c2", "h1"}), Branch: some(r, []string{"hall", "line", "city", "far"}),
		Kind: some(r, []earshot.SeatKind{earshot.Counter, earshot.Hotline}), Node: "n",
		StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)), Channels: 2,
	}
	if i%50 == 0 { // its id is not of its time
		c.ID = earshot.NewID(v.start.Add(time.Duration(r.IntN(500)) * time.Hour))
	}
	return v.again(r, c)
}

// again is a call about which other things are known.
func (v *village) again(r *rand.Rand, c earshot.Call) earshot.Call {
	c.State = some(r, []earshot.CallState{earshot.CallStored, earshot.CallStored, earshot.CallStored, earshot.CallLive})
	c.Direction = some(r, []earshot.Direction{earshot.Inbound, earshot.Outbound, earshot.NoDirection})
	c.Number, c.Business, c.Rating = some(r, someNumbers), some(r, []string{"过户", "报修", ""}), r.IntN(6)
	c.Account, c.Ticket = some(r, []string{"", "3301", "3302"}), some(r, []string{"", "T-1"})
	c.DurationMs = some(r, []int64{0, 9_999, 10_000, 59_999, 60_000, 61_000, 600_000, 20_000_000})
	c.Agent, c.Tags, c.Flags, c.Marks = nil, nil, nil, nil
	if r.IntN(4) > 0 {
		a := some(r, someAgents)
		c.Agent = &a
	}
	for range r.IntN(3) {
		if tag := some(r, someWords); !slices.Contains(c.Tags, tag) {
			c.Tags = append(c.Tags, tag)
		}
		c.SetFlag(some(r, []earshot.Flag{earshot.FlagLoud, earshot.FlagGaps, earshot.FlagShort}))
	}
	c.Talk, c.Origin = nil, nil
	if r.IntN(3) > 0 {
		c.Talk = &earshot.Talk{
			AgentShare: r.IntN(1001), SilenceShare: r.IntN(1001), OvertalkShare: r.IntN(300),
			Interruptions: r.IntN(12), LongestMonologue: r.Int64N(200_000),
		}
		if r.IntN(3) == 0 {
			c.Talk = &earshot.Talk{Mixed: true, SilenceShare: c.Talk.SilenceShare}
		}
	}
	if r.IntN(4) == 0 {
		c.Origin = &earshot.Origin{Batch: some(r, []string{"b1", "b2"}), Path: "x.mp3", Remarks: []string{}}
	}
	for i := range r.IntN(3) {
		c.Marks = append(c.Marks, earshot.Mark{
			ID: fmt.Sprint(i), Kind: earshot.MarkNote, By: some(r, []string{"ins", "boss"}), Shared: r.IntN(2) == 0,
			Text: some(r, someWords) + some(r, []string{"", " ", "\n"}) + some(r, someWords),
		})
	}
	return c
}

// ask is one filter, asked for by chance.
type ask struct {
	what string
	of   func()
}

// asks are all filters there are, each of which sets its own of q.
func (v *village) asks(r *rand.Rand, q *CallQuery) []ask {
	return []ask{
		{"from", func() { q.From = v.at(r.IntN(80)) }},
		{"to", func() { q.To = v.at(r.IntN(80)) }},
		{"seats", func() { q.Seats = many(r, []string{"c1", "c2", "h1", "none"}) }},
		{"agents", func() { q.Agents = many(r, []string{"A0017", "1002", "王小明", "1003", ""}) }},
		{"branches", func() { q.Branches = many(r, []string{"hall", "line", "city", "none"}) }},
		{"kinds", func() { q.Kinds = many(r, []earshot.SeatKind{earshot.Counter, earshot.Hotline}) }},
		{"directions", func() { q.Directions = many(r, []earshot.Direction{earshot.Inbound, earshot.Outbound}) }},
		{"number", func() {
			q.Number = some(r, []string{"4", "34", "45", "123", "0001", "8888", "12345", "00001234", "1380000", "999", "95598", "13800001234", "057188881234"})
		}},
		{"account", func() { q.Account = some(r, []string{"3301", "33"}) }},
		{"ticket", func() { q.Ticket = "T-1" }},
		{"businesses", func() { q.Businesses = many(r, []string{"过户", "报修", ""}) }},
		{"ratings", func() { q.Ratings = many(r, []int{0, 1, 2, 3, 5}) }},
		{"tags", func() { q.Tags = many(r, someWords) }},
		{"flags", func() { q.Flags = many(r, []earshot.Flag{earshot.FlagLoud, earshot.FlagGaps, earshot.FlagShort}) }},
		{"states", func() {
			q.States = many(r, []earshot.CallState{earshot.CallLive, earshot.CallStored, earshot.CallDeleted, earshot.CallDeleted})
		}},
		{"held", func() { q.HeldAt = v.now }},
		{"free", func() { q.FreeAt = v.now }},
		{"least silence", func() { q.Talk.MinSilence = upTo(r, 1000) }},
		{"most silence", func() { q.Talk.MaxSilence = upTo(r, 1000) }},
		{"least of the agent", func() { q.Talk.MinAgent = upTo(r, 1000) }},
		{"most of the agent", func() { q.Talk.MaxAgent = upTo(r, 1000) }},
		{"overtalk", func() { q.Talk.MinOvertalk = upTo(r, 300) }},
		{"interruptions", func() { q.Talk.MinInterruptions = upTo(r, 12) }},
		{"monologue", func() { ms := r.Int64N(200_000); q.Talk.MinMonologueMs = &ms }},
		{"imported", func() { imported := r.IntN(2) == 0; q.Imported = &imported }},
		{"batch", func() { q.Batch = some(r, []string{"b1", "b2", "b3"}) }},
		{"shortest", func() {
			if m := some(r, []int64{1, 10_000, 60_000, 60_001, 600_000, 90_000_000}); q.MaxMs == 0 || m <= q.MaxMs {
				q.MinMs = m
			}
		}},
		{"longest", func() {
			if m := some(r, []int64{9_999, 10_000, 60_000, 61_000, 99_000_000}); m >= q.MinMs {
				q.MaxMs = m
			}
		}},
		{"played", func() { played := r.IntN(2) == 0; q.Played = &played }},
		{"a word", func() { q.Words = some(r, someWords) }},
		{"a letter", func() { q.Words = some(r, []string{"1", "v", "%", "水", "-"}) }},
		{"words", func() {
			q.Words = some(r, someWords) + " " + some(r, []string{"小明", "a0017", "T-1", "13", "水", "_"})
		}},
		{"notes", func() { q.Notes = some(r, someWords) }},
	}
}

// query asks for up to four things.
func (v *village) query(r *rand.Rand) CallQuery {
	return v.ask(r, func(asks []ask) {
		for range 1 + r.IntN(4) {
			some(r, asks).of()
		}
	})
}

// ask has some filters asked for, such as a search takes.
func (v *village) ask(r *rand.Rand, choose func([]ask)) CallQuery {
	for {
		q := CallQuery{Limit: some(r, []int{7, 50, 50}), Asker: some(r, []string{"", "ins", "boss"})}
		choose(v.asks(r, &q))
		if q.Talk.validate() == nil {
			return q
		}
	}
}

// telling is a query for these filters that finds some calls, and not all, if by
// some chance there is one.
func (v *village) telling(r *rand.Rand, filters ...int) (q CallQuery, tells bool) {
	for range 40 {
		q = v.ask(r, func(asks []ask) {
			for _, i := range filters {
				asks[i].of()
			}
		})
		if n := len(v.look(q)); n > 0 && n < len(v.calls) {
			return q, true
		}
	}
	return q, false
}

func upTo(r *rand.Rand, most int) *int {
	n := r.IntN(most + 1)
	return &n
}

func many[T any](r *rand.Rand, from []T) []T {
	out := make([]T, 1+r.IntN(2))
	for i := range out {
		out[i] = some(r, from)
	}
	return out
}
