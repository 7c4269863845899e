package ingest

import (
	"context"
	"slices"
	"testing"
	"time"

	"earshot"
)

// whatWasTold is what a shelf was told beside calls.
type whatWasTold struct {
	spans []earshot.StreamSpan // the newest of each
	said  []earshot.Announcement
}

func (s *fakeShelf) SaveStreams(_ context.Context, spans []earshot.StreamSpan) error {
	return s.put(func() {
		for _, span := range spans {
			i := slices.IndexFunc(s.told.spans, func(old earshot.StreamSpan) bool { return old.ID == span.ID && old.Since == span.Since })
			if i < 0 {
				s.told.spans = append(s.told.spans, span)
			} else {
				s.told.spans[i] = span
			}
		}
	})
}

func (s *fakeShelf) Announce(_ context.Context, said earshot.Announcement) error {
	return s.put(func() { s.told.said = append(s.told.said, said) })
}

// spans waits until the shelf knows n spans that hold.
func (h *hall) spans(what string, n int, holds func(earshot.StreamSpan) bool) []earshot.StreamSpan {
	h.t.Helper()
	var spans []earshot.StreamSpan
	h.news.until(h.t, what, func() bool {
		h.shelf.mu.Lock()
		defer h.shelf.mu.Unlock()
		spans = slices.Clone(h.shelf.told.spans)
		return len(spans) == n && !slices.ContainsFunc(spans, func(s earshot.StreamSpan) bool { return !holds(s) })
	})
	return spans
}

func TestStreamsAreTold(t *testing.T) {
	h := newHall(t)
	d := h.device("e1", agentTrack, customerTrack)
	d.talk(70, 70)
	h.run(time.Second)
	h.spans("the stream is told of at once", 1, func(s earshot.StreamSpan) bool { return s.Seat == "e1" && s.Node == "n1" && len(s.Sides) == 2 })
	h.shelf.change(func() { h.shelf.away = true })
	d.talk(30, 70)
	h.run(20 * time.Second)
	d.end()
	h.shelf.change(func() { h.shelf.away = false })
	h.spans("it is told of when the shelf is back", 1, func(s earshot.StreamSpan) bool {
		return s.SpokeMs > 19_000 && s.SpokeMs <= 20_000 && s.Packets == 2*21*50 && s.Until.Sub(s.Since.Time) > 20*time.Second
	})
}

// A span never lies in two hours, so that it never lies in two days.
func TestStreamsAreToldByTheHour(t *testing.T) {
	h := newHall(t)
	h.clock.add(59*time.Minute + 50*time.Second)
	d := h.device("e1", agentTrack)
	h.run(20 * time.Second)
	d.end()
	spans := h.spans("both hours are told of", 2, func(s earshot.StreamSpan) bool {
		return s.Until.Sub(s.Since.Time) > 9*time.Second && s.Packets > 450 && s.Packets < 550
	})
	if spans[0].ID != spans[1].ID || spans[1].Since.Minute() != 0 {
		t.Errorf("%+v", spans)
	}
}

func TestTalkWithoutCallIsTold(t *testing.T) {
	for _, row := range []struct {
		name            string
		agent, customer uint8
		call            bool
		told            bool
	}{
		{"both talk, nobody starts a call", 30, 30, false, true},
		{"both talk in a call", 30, 30, true, false},
		{"the agent talks alone", 30, 70, false, false},
		{"nobody talks", 70, 70, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHall(t)
			d := h.device("e1", agentTrack, customerTrack)
			d.talk(70, 70)
			h.run(time.Second)
			if row.call {
				if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "seat:e1"); err != nil {
					t.Fatal(err)
				}
			}
			began := h.clock.now()
			for range 4 { // with pauses that belong to it
				d.talk(row.agent, 70)
				h.run(10 * time.Second)
				d.talk(70, row.customer)
				h.run(10 * time.Second)
				d.talk(70, 70)
				h.run(5 * time.Second)
			}
			h.run(40 * time.Second) // a pause that ends it
			d.talk(row.agent, row.customer)
			h.run(15 * time.Second)
			d.end()
			spans := h.spans("the stream is told of", 1, func(s earshot.StreamSpan) bool { return s.Until.Sub(began) > 150*time.Second })
			span := spans[0]
			switch {
			case !row.told && span.OutsideMs != 0:
				t.Errorf("told of %d ms", span.OutsideMs)
			case row.told && (span.OutsideMs < 79_000 || span.OutsideMs > 81_000 || span.OutsideAt.Sub(began).Abs() > 200*time.Millisecond):
				t.Errorf("told of %d ms from %s, not of 80 s from %s", span.OutsideMs, span.OutsideAt, began)
			}
		})
	}
}

func TestStartedCallsAreAnnounced(t *testing.T) {
	h := newHall(t)
	number := "13800138000"
	call, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{Number: &number}, "seat:e1")
	if err != nil {
		t.Fatal(err)
	}
	h.news.until(t, "the announcement is kept", func() bool {
		h.shelf.mu.Lock()
		defer h.shelf.mu.Unlock()
		said := h.shelf.told.said
		return len(said) == 1 && said[0].Ref == call.ID && said[0].Seat == "e1" && said[0].Source == "seat:e1" && said[0].Number == number &&
			said[0].Validate() == nil
	})
}

// What is refused because the disk is full was announced all the same: it is
// what will be looked for.
func TestRefusedCallsAreAnnounced(t *testing.T) {
	full := earshot.Fail(earshot.Unavailable, "disk_full", "the disk is full")
	h := newHall(t, func(o *Options) { o.Admit = func() error { return full } })
	h.run(time.Second)
	if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "seat:e1"); err == nil {
		t.Fatal("a call began")
	}
	h.news.until(t, "the announcement is kept", func() bool {
		h.shelf.mu.Lock()
		defer h.shelf.mu.Unlock()
		return len(h.shelf.told.said) == 1
	})
}

// play lets a device talk as a conversation's levels say.
func (h *hall) play(d *device, agent, customer []uint8, seconds int) {
	for i := range 10 * seconds {
		d.talk(agent[i%len(agent)], customer[i%len(customer)])
		h.run(100 * time.Millisecond)
	}
}

func TestDeadMicrophoneWantsALook(t *testing.T) {
	h := newHall(t)
	c := demoConversations(t)[0]
	silence := []uint8{127}
	d := h.device("s1", agentTrack, customerTrack)
	h.play(d, c.agent, silence, 59)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionDeadMic)
	h.spans("the span says so", 1, func(s earshot.StreamSpan) bool { return s.DeadMic == earshot.SideCustomer && !s.Bleed })
	h.play(d, c.agent, c.customer, 20)
	h.expect("s1", earshot.SeatOnCall, "")
}

func TestBleedingSidesWantALook(t *testing.T) {
	h := newHall(t)
	c := demoConversations(t)[1]
	bled := c.bled(10, 0, true)
	d := h.device("s1", agentTrack, customerTrack)
	h.play(d, bled.agent, bled.customer, 59)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionBleed)
	h.spans("the span says so", 1, func(s earshot.StreamSpan) bool { return s.Bleed && s.DeadMic == "" })
	d.end()
	d = h.device("s1", agentTrack, customerTrack) // other microphones
	h.play(d, c.agent, c.customer, 59)
	h.expect("s1", earshot.SeatOnCall, "")
}
