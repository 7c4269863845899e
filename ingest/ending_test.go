package ingest

import (
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// Missing is nothing that a rig's recording knows.
func (r *rigRecording) Missing() bool { return false }

// askedOf tells when somebody wants to know what is missing, and then goes on.
type askedOf struct {
	recording
	looks chan bool
}

func (a askedOf) Missing() bool {
	some := a.recording.Missing()
	select {
	case a.looks <- some:
	default:
	}
	return some
}

// TestACallEndsWithItsLastWords: a packet that is missing when a call is ended, or
// when the next one begins, is waited for, but not for long.
func TestACallEndsWithItsLastWords(t *testing.T) {
	for _, row := range []struct {
		what  string
		comes bool
		end   func(h *hall, call string) error
	}{
		{"it comes before the call's end", true, func(h *hall, call string) error { return second(h.floor.EndCall(h.t.Context(), call)) }},
		{"it never comes", false, func(h *hall, call string) error { return second(h.floor.EndCall(h.t.Context(), call)) }},
		{"it comes before the next call", true, func(h *hall, _ string) error {
			return second(h.floor.StartCall(h.t.Context(), "e1", earshot.CallPatch{}, "u1"))
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			looks := make(chan bool, 1)
			h := newHall(t, func(o *Options) {
				made := o.newRecording
				o.newRecording = func(call *earshot.Call, opts recorder.Options) recording { return askedOf{made(call, opts), looks} }
			})
			d := h.device("e1", agentTrack)
			h.run(time.Second)
			call, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "u1")
			if err != nil {
				t.Fatal(err)
			}
			h.run(3 * time.Second)
			lost := *d.tracks[0]
			d.tracks[0].seq++
			d.tracks[0].ts += 960
			h.run(200 * time.Millisecond)
			ended := make(chan error, 1)
			go func() { ended <- row.end(h, call.ID) }()
			select {
			case some := <-looks:
				if !some {
					t.Fatal("nothing is missing")
				}
			case err := <-ended:
				t.Fatalf("nobody asked what is missing: %v", err)
			}
			if row.comes {
				now := *d.tracks[0]
				*d.tracks[0] = lost
				d.send(h.clock.now())
				*d.tracks[0] = now
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			h.news.until(t, "the call is kept", func() bool { return h.shelf.call(call.ID).State == earshot.CallStored })
			_, gap := gapOf(h.shelf.call(call.ID), earshot.SideAgent, earshot.CauseLost)
			if gap == row.comes {
				t.Errorf("gaps %+v", h.shelf.call(call.ID).Gaps)
			}
		})
	}
}

// TestASeatRepeatsItsLastWords has a real peer lose a packet just before its call is
// ended, and send it again when it is asked for, which is after that.
func TestASeatRepeatsItsLastWords(t *testing.T) {
	const lost = 30
	r := newRig(t, nil)
	looks, kept := make(chan bool, 1), &tapes{}
	record := kept.record(&fakeFiles{news: &news{}, whole: map[string][]byte{}, parts: map[string]*fakeFile{}})
	if _, err := ask(t.Context(), r.floor, func(time.Time) (bool, error) {
		r.floor.opts.newRecording = func(call *earshot.Call, opts recorder.Options) recording { return askedOf{record(call, opts), looks} }
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	c := r.publish(1)
	sender := c.pc.GetSenders()[0]
	go func() {
		for again := false; ; {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			if !again && slices.Contains(nacked(packets), lost) {
				again = true
				select {
				case <-looks: // the call is about to end
				case <-t.Context().Done():
					return
				}
				c.send(r, 0, lost, lost+1)
			}
		}
	}()
	pace := time.NewTicker(20 * time.Millisecond) // as one speaks
	defer pace.Stop()
	for n := range lost + 6 {
		if <-pace.C; n != lost {
			c.send(r, 0, n, n+1)
		}
	}
	var id string
	eventually(t, "what came is recorded", func() bool {
		missing, err := ask(t.Context(), r.floor, func(time.Time) (bool, error) {
			s := r.floor.seats[rigSeat]
			if s == nil || s.call == nil {
				return false, nil
			}
			id = s.call.id
			return s.call.rec.(askedOf).recording.Missing(), nil
		})
		return err == nil && missing
	})
	call, err := r.floor.EndCall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if gap, ok := gapOf(call, earshot.SideAgent, earshot.CauseLost); ok {
		t.Errorf("the call ended with a gap %+v", gap)
	}
	if stats := kept.tape(0).Stats(); stats.Lost != 0 || stats.Packets != lost+6 {
		t.Errorf("%+v", stats)
	}
}
