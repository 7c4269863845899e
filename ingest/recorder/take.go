package recorder

import (
	"errors"

	"earshot"
)

// take is what is recorded while the set of tracks stays the same.
type take struct {
	desk  *desk
	bound int64 // it does not begin before
	start int64
	begun bool
	ended bool
	lanes []*lane
	parts []*part
	drift drift
}

func newTake(d *desk, tracks []Track, opened int64) *take {
	t := &take{desk: d, bound: max(0, opened)}
	for _, track := range tracks {
		t.lanes = append(t.lanes, newLane(track, d.wait, &d.gaps, &d.stats))
	}
	return t
}

// follow takes up from the take before: nothing twice, and all of what was held
// while that had not begun.
func (t *take) follow(before *take) {
	for _, l := range t.lanes {
		for _, old := range before.lanes {
			switch {
			case old.track != l.track:
			case old.begun:
				l.after = &old.source
			case !before.begun && !old.closed:
				l.held, l.after = old.held, old.after
			}
		}
	}
	if !before.begun {
		t.bound = before.bound
	}
}

// lane is the side's lane, nil if it has none.
func (t *take) lane(side earshot.Side) *lane {
	for _, l := range t.lanes {
		if l.track.Side == side || l.track.Mixed || l.track.stereo() {
			return l
		}
	}
	return nil
}

// begin places the take on the timeline once enough has come: where the first
// packet of any track arrived. patient: not yet if it can wait.
func (t *take) begin(now int64, patient bool) {
	first, all, some := forever, true, false
	for _, l := range t.lanes {
		n, _ := l.heldAudio()
		all = all && (l.closed || n >= trustPackets)
		if n > 0 {
			some = true
			for i := range l.held {
				first = min(first, l.held[i].arrival)
			}
		}
	}
	if patient && now-first <= patience {
		return
	}
	if !some || now-first < trustAfter || !all && now-first < firstWait {
		return
	}
	t.place()
}

// place begins the take where the held packets say.
func (t *take) place() {
	start := forever
	for _, l := range t.lanes {
		if at, ok := l.beginning(t.bound); ok {
			start = min(start, at)
		}
	}
	if start == forever {
		return
	}
	t.begun, t.start = true, floorTo(max(start, t.bound), milli)
	for _, l := range t.lanes {
		l.started, l.cursor, l.heard = true, t.start, t.start
	}
	t.parts = t.compose()
	for _, l := range t.lanes {
		if o, ok := l.fit.(*opusFit); ok {
			o.free = len(t.parts[0].lanes) == 1
		}
		if n, _ := l.heldAudio(); n > 0 {
			l.adopt()
		}
	}
}

// compose decides how lanes go into files: two of one codec into one file.
func (t *take) compose() []*part {
	if len(t.lanes) == 2 && t.lanes[0].track.Codec == t.lanes[1].track.Codec && !t.lanes[0].track.stereo() && !t.lanes[1].track.stereo() {
		return []*part{newPart(t.desk, t.lanes, t.start)}
	}
	return t.separate(t.start)
}

// separate begins a file for each lane.
func (t *take) separate(start int64) []*part {
	var parts []*part
	for i := range t.lanes {
		parts = append(parts, newPart(t.desk, t.lanes[i:i+1], start))
	}
	return parts
}

// advance is told that time passed.
func (t *take) advance(now int64) error {
	if !t.begun {
		if t.begin(now, false); !t.begun {
			return nil
		}
	}
	for _, l := range t.lanes {
		l.settle(now)
	}
	t.drift.look(t, now)
	return t.pull()
}

// packet takes a packet.
func (t *take) packet(p *Packet, now int64) error {
	l := t.lane(p.Side)
	if l == nil {
		t.desk.stats.Stray++
		return nil
	}
	l.receive(p, now)
	if !t.begun {
		if t.begin(now, true); !t.begun {
			return nil
		}
	}
	return t.pull()
}

// pull moves what the lanes have ready into the files.
func (t *take) pull() error {
	var failed error
	for _, p := range t.parts {
		err := p.pull()
		if errors.Is(err, errApart) {
			return errors.Join(failed, t.part(p))
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// part ends the combined part and goes on with a file a side.
func (t *take) part(p *part) error {
	failed := p.finish()
	t.desk.done = append(t.desk.done, p)
	t.parts = t.separate(p.end)
	for _, next := range t.parts {
		next.clock = p.clock
		if o, ok := next.lanes[0].fit.(*opusFit); ok && next.lanes[0].fit.gathered() == 0 {
			o.free = true
		}
	}
	return errors.Join(failed, t.pull())
}

// end closes all tracks and completes the files.
func (t *take) end(now int64, cause earshot.Cause) error {
	if t.ended {
		return nil
	}
	if !t.begun {
		t.place()
	}
	for _, l := range t.lanes {
		l.close(now, cause)
	}
	t.ended = true
	if !t.begun {
		return nil
	}
	failed := t.pull()
	for _, p := range t.parts {
		failed = errors.Join(failed, p.finish())
		t.desk.done = append(t.desk.done, p)
	}
	return failed
}
