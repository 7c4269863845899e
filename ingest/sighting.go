package ingest

import (
	"context"
	"slices"
	"time"

	"earshot"
)

// When what is seen of a stream is told, and what a talk is.
const (
	sightEvery = 5 * time.Minute  // while a stream goes on
	talkPause  = 30 * time.Second // a longer one ends a talk
	talkSide   = 5 * time.Second  // of speech each side has in one, where there are two
)

// sighting is what is seen of a stream in the present hour.
type sighting struct {
	span earshot.StreamSpan
	told time.Time
	talk talk // under way, without a call
}

// talk is speech with short pauses.
type talk struct {
	began, last time.Time
	spoke       time.Duration
	sides       [2]time.Duration
}

// sight notes what the tick that ends now brought of each stream, and tells it
// now and then. Hours are those of UTC: a span never lies in two of them.
func (s *seat) sight(now time.Time, levels [2]uint8) {
	for i, st := range s.streams {
		if !st.began {
			continue
		}
		g := &st.seen
		if !g.span.Since.IsZero() && !now.Truncate(time.Hour).Equal(g.span.Since.Truncate(time.Hour)) {
			s.tellSight(now, st)
			g.span = earshot.StreamSpan{}
		}
		if g.span.Since.IsZero() {
			g.span = earshot.StreamSpan{ID: st.id, Seat: s.info.ID, Node: s.floor.opts.Node, Sides: slices.Clone(st.sides()), Since: earshot.At(now), Packets: g.span.Packets}
			g.told = time.Time{}
		}
		carried := s.carried(st)
		spoke := [2]bool{}
		for side := range levels {
			spoke[side] = levels[side] < speechLevel && (carried[side] || i == 0)
		}
		if carried[0] && spoke[0] || carried[1] && spoke[1] {
			g.span.SpokeMs += tickEvery.Milliseconds()
		}
		if i == 0 { // a talk is the seat's: one of its streams tells of it
			s.overhear(now, g, spoke)
		}
		if now.Sub(g.told) >= sightEvery {
			s.tellSight(now, st)
		}
	}
}

// overhear follows a talk while no call is open, and keeps the longest of the
// hour.
func (s *seat) overhear(now time.Time, g *sighting, spoke [2]bool) {
	if s.call != nil || now.Sub(g.talk.last) > talkPause {
		g.talk = talk{}
	}
	if s.call != nil || !spoke[0] && !spoke[1] {
		return
	}
	if g.talk.began.IsZero() {
		g.talk.began = now
	}
	g.talk.last = now
	g.talk.spoke += tickEvery
	for i := range spoke {
		if spoke[i] {
			g.talk.sides[i] += tickEvery
		}
	}
	two := s.meters[0].carrying && s.meters[1].carrying
	if two && min(g.talk.sides[0], g.talk.sides[1]) < talkSide {
		return
	}
	if ms := g.talk.spoke.Milliseconds(); ms > g.span.OutsideMs {
		g.span.OutsideMs, g.span.OutsideAt = ms, earshot.At(g.talk.began)
	}
}

// noted writes something into the spans of all streams of the seat, and has it
// told if it is new.
func (s *seat) noted(write func(*earshot.StreamSpan)) {
	for _, st := range s.streams {
		was := st.seen.span
		if write(&st.seen.span); was.DeadMic != st.seen.span.DeadMic || was.Bleed != st.seen.span.Bleed {
			st.seen.told = time.Time{}
		}
	}
}

// tellSight gives what was seen of a stream so far to the keeper.
func (s *seat) tellSight(now time.Time, st *Stream) {
	g := &st.seen
	if g.span.Since.IsZero() {
		return
	}
	g.told = now
	g.span.Until = earshot.At(now)
	s.floor.keeper.keepSpan(g.span)
}

// keepSpan has what was seen of a stream kept.
func (k *keeper) keepSpan(span earshot.StreamSpan) {
	spans := []earshot.StreamSpan{span}
	k.put("stream "+span.ID+" "+span.Since.String(), &chore{do: func(ctx context.Context) error { return k.shelf.SaveStreams(ctx, spans) }})
}

// announce has it kept that somebody said a conversation begins now: whatever
// becomes of its recording, it will be looked for.
func (f *Floor) announce(now time.Time, seat, ref string, facts earshot.CallPatch, by string) {
	said := earshot.Announcement{ID: earshot.NewID(now), Seat: seat, At: earshot.At(now), Ref: ref, Source: by}
	if facts.Number != nil {
		said.Number = earshot.PlainNumber(*facts.Number)
	}
	if said.Validate() != nil { // such as a number that no announcement may have
		said.Number = ""
	}
	f.keeper.put("announcement "+ref, &chore{do: func(ctx context.Context) error { return f.keeper.shelf.Announce(ctx, said) }})
}
