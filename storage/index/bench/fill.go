// Package bench fills an index with calls such as a water, gas or power company
// has them, and measures how soon searches answer. It has no goroutines.
package bench

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"earshot"
	"earshot/storage/index"
)

// FillOptions say what is filled in.
type FillOptions struct {
	Calls int
	Until time.Time     // when the newest call starts
	Over  time.Duration // how far back the oldest does; 0 is two years
	Seed  uint64        // the same seed, count and Until make the same calls
}

// Node is said to have recorded the calls.
const Node = "bench"

// At most so many calls are written at once.
const fillAtOnce = 1000

// Fill writes calls that have no audio, as many as are asked for, with seats and
// branches; of some it says that people played or hold them. progress, if not
// nil, hears how far it has come.
func Fill(ctx context.Context, ix *index.Index, o FillOptions, progress func(done, total int)) error {
	if o.Over == 0 {
		o.Over = 2 * 365 * 24 * time.Hour
	}
	t := newTown(o)
	if err := t.found(ctx, ix); err != nil {
		return err
	}
	var holds []earshot.Hold
	err := ix.Bulk(ctx, func(load func([]earshot.Call, []index.Played) error) error {
		for first := 0; first < o.Calls; first += fillAtOnce {
			var calls []earshot.Call
			var plays []index.Played
			for i := first; i < min(first+fillAtOnce, o.Calls); i++ {
				c := t.call(i)
				calls = append(calls, c)
				plays, holds = t.use(c, plays, holds)
			}
			if err := load(calls, plays); err != nil {
				return fmt.Errorf("write calls: %w", err)
			}
			if progress != nil {
				progress(first+len(calls), o.Calls)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, h := range holds {
		if err := ix.AddHold(ctx, h); err != nil {
			return fmt.Errorf("hold a call: %w", err)
		}
	}
	return nil
}

// use plays one call in a hundred, and holds one in ten thousand or what was said
// around it.
func (t *town) use(c earshot.Call, plays []index.Played, holds []earshot.Hold) ([]index.Played, []earshot.Hold) {
	at := earshot.At(c.StartedAt.Add(24 * time.Hour))
	if t.one(100) {
		plays = append(plays, index.Played{Call: c.ID, By: earshot.Audit{ID: t.id(at.Time), At: at, Who: "inspector", Action: earshot.AuditPlay, Call: c.ID}})
	}
	if t.one(10_000) {
		h := earshot.Hold{ID: t.id(at.Time), Call: c.ID, Reason: "投诉处理中", By: "officer", At: at}
		if t.one(10) { // what was said at the seat around it
			h.Call, h.Seat, h.From, h.To = "", c.Seat, earshot.At(c.StartedAt.Add(-time.Hour)), c.EndedAt
		}
		holds = append(holds, h)
	}
	return plays, holds
}

// town is a company in a large town: halls with counters, and a hotline.
type town struct {
	FillOptions
	*rand.Rand
	branches []earshot.Branch
	seats    []earshot.Seat
	agents   map[string][]earshot.Agent // by branch
}

func newTown(o FillOptions) *town {
	t := &town{FillOptions: o, Rand: rand.New(rand.NewPCG(o.Seed, 1)), agents: map[string][]earshot.Agent{}}
	t.branches = []earshot.Branch{{ID: "halls", Name: "营业厅"}, {ID: "hotline", Name: "客服热线"}}
	for i := range 40 {
		t.branch(fmt.Sprintf("hall-%02d", i+1), streets[i%len(streets)]+"营业厅", "halls", earshot.Counter, 6)
	}
	for i := range 6 {
		t.branch(fmt.Sprintf("team-%d", i+1), fmt.Sprintf("热线%d组", i+1), "hotline", earshot.Hotline, 40)
	}
	return t
}

func (t *town) branch(id, name, parent string, kind earshot.SeatKind, seats int) {
	t.branches = append(t.branches, earshot.Branch{ID: id, Name: name, Parent: parent})
	cut := earshot.CutVoice
	if kind == earshot.Hotline {
		cut = earshot.CutEvent
	}
	for i := range seats {
		t.seats = append(t.seats, earshot.Seat{ID: fmt.Sprintf("%s-%02d", id, i+1), Name: fmt.Sprintf("%s%d号", name, i+1), Branch: id, Kind: kind, Cut: cut})
		t.agents[id] = append(t.agents[id], earshot.Agent{ID: fmt.Sprintf("A%05d", len(t.seats)), Name: t.of(surnames) + t.of(given) + t.maybe(given)})
	}
}

// found makes the branches and seats that are not there yet.
func (t *town) found(ctx context.Context, ix *index.Index) error {
	for _, b := range t.branches {
		if err := ix.CreateBranch(ctx, b); err != nil && !exists(err) {
			return fmt.Errorf("make branch %s: %w", b.ID, err)
		}
	}
	for _, s := range t.seats {
		if err := ix.CreateSeat(ctx, s); err != nil && !exists(err) {
			return fmt.Errorf("make seat %s: %w", s.ID, err)
		}
	}
	return nil
}

func exists(err error) bool { return earshot.AsError(err).Code == index.ErrExists.Code }

func (t *town) of(values []string) string { return values[t.IntN(len(values))] }

// one is true once in n times.
func (t *town) one(n int) bool { return t.IntN(n) == 0 }

func (t *town) maybe(values []string) string {
	if t.one(3) {
		return ""
	}
	return t.of(values)
}

// id is a UUIDv7 of an instant that the seed decides.
func (t *town) id(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16|0x7000|t.Uint64N(1<<12))
	binary.BigEndian.PutUint64(b[8:], 1<<63|t.Uint64N(1<<62))
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// call is the ith call, from the oldest: they are about as far from one another.
func (t *town) call(i int) earshot.Call {
	step := t.Over / time.Duration(t.Calls)
	at := t.Until.Add(-t.Over + step*time.Duration(i) + time.Duration(t.Int64N(int64(max(step, time.Millisecond))))).Truncate(time.Millisecond)
	seat := t.seats[t.IntN(len(t.seats))]
	length := time.Duration(20+t.ExpFloat64()*180) * time.Second
	c := earshot.Call{
		ID: t.id(at), Seat: seat.ID, Branch: seat.Branch, Kind: seat.Kind, Direction: earshot.NoDirection, State: earshot.CallStored,
		StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(length)), DurationMs: length.Milliseconds(), Channels: 2, Node: Node,
	}
	staff := t.agents[seat.Branch]
	agent := staff[t.IntN(len(staff))]
	c.Agent = &agent
	t.facts(&c)
	t.marks(&c)
	t.talk(&c)
	if 5*i < t.Calls { // before there was an earshot
		c.Origin = &earshot.Origin{
			Batch: fmt.Sprintf("import-%d", i*20/t.Calls), Path: fmt.Sprintf("%s/%s/%d.mp3", c.Seat, c.StartedAt.Format(time.DateOnly), i),
			At: earshot.At(t.Until), By: "cli", Remarks: []string{},
		}
	}
	return c
}

// talk says how a conversation went, but of one in ten: of these nothing is
// known.
func (t *town) talk(c *earshot.Call) {
	if t.one(10) {
		return
	}
	silence := min(50+int(t.ExpFloat64()*120), 950)
	overtalk := min(int(t.ExpFloat64()*25), 1000-silence)
	agent := (1000 - silence) * (30 + t.IntN(41)) / 100
	c.Talk = &earshot.Talk{
		AgentShare: agent, CustomerShare: 1000 - silence - agent + overtalk, SilenceShare: silence, OvertalkShare: overtalk,
		Interruptions: int(t.ExpFloat64() * 2), LongestMonologue: min(5_000+int64(t.ExpFloat64()*20_000), c.DurationMs),
		LongestMonologist: []earshot.Side{earshot.SideAgent, earshot.SideCustomer}[t.IntN(2)], LongestSilence: min(int64(t.ExpFloat64()*8_000), c.DurationMs),
	}
}

func (t *town) facts(c *earshot.Call) {
	if c.Kind == earshot.Hotline {
		c.Direction = earshot.Inbound
		if t.one(5) {
			c.Direction = earshot.Outbound
		}
		c.Number = t.of(prefixes) + fmt.Sprintf("%08d", t.IntN(100_000_000))
		if t.one(10) {
			c.Number = fmt.Sprintf("0571%08d", 80_000_000+t.IntN(9_000_000))
		}
	}
	if !t.one(4) {
		c.Account = fmt.Sprintf("3301%08d", t.IntN(600_000))
	}
	if t.one(3) {
		c.Ticket = fmt.Sprintf("GD%s%05d", c.StartedAt.Format("060102"), t.IntN(100_000))
	}
	c.Business = skewed(t, businesses)
	if !t.one(3) {
		c.Rating = []int{5, 5, 5, 5, 5, 5, 4, 4, 4, 3, 2, 1}[t.IntN(12)]
	}
	for _, tag := range tags {
		if t.one(tag.oneIn) {
			c.Tags = append(c.Tags, tag.name)
		}
	}
	for _, flag := range flags {
		if t.one(flag.oneIn) {
			c.SetFlag(earshot.Flag(flag.name))
		}
	}
}

// skewed takes the first values more often than the last.
func skewed(t *town, values []string) string {
	n := t.IntN(len(values) * (len(values) + 1) / 2)
	for i := range values {
		if n -= len(values) - i; n < 0 {
			return values[i]
		}
	}
	return values[0]
}

func (t *town) marks(c *earshot.Call) {
	if !t.one(5) {
		return
	}
	for i := range 1 + t.IntN(2) {
		at := t.Int64N(max(c.DurationMs, 1))
		text := t.of(openings) + t.of(streets) + fmt.Sprintf("%d号%d室", 1+t.IntN(300), 101+t.IntN(2400)) + t.of(troubles) + "，" + t.of(outcomes)
		c.Marks = append(c.Marks, earshot.Mark{
			ID: t.id(c.StartedAt.Add(time.Duration(i) * time.Millisecond)), Kind: earshot.MarkNote, StartMs: at, EndMs: at,
			By: t.of([]string{"inspector", "officer", "supervisor"}), Text: text, Shared: !t.one(4),
		})
	}
}

// Told is a line about what was filled in.
func Told(out io.Writer, calls int, took time.Duration) {
	fmt.Fprintf(out, "写入 filled %d 通电话 calls · %s · 每秒 %.0f a second\n", calls, took.Round(100*time.Millisecond), float64(calls)/took.Seconds())
}
