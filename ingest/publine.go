package ingest

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// pubLine is one m-line of a publication: a track, and what brings it.
type pubLine struct {
	n         int    // which of the stream's tracks
	ssrc      string // declared; "" where none was
	track     *Track
	reception reception

	mu       sync.Mutex // held while a packet is taken: a new source has a reader of its own
	came     time.Time  // the newest
	unpacker unpacker
}

// pubSource is one SSRC of a publication.
type pubSource struct {
	ssrc uint32
	line atomic.Pointer[pubLine] // nil: not known yet

	// What follows belongs to its reader.
	began time.Time
	held  []heldRTP // until its line is known
}

type heldRTP struct {
	packet []byte
	at     time.Time
}

const (
	// lineQuiet is how long an m-line has brought nothing when a source that was
	// not declared can be its: a sender does not speak under two SSRCs at once.
	lineQuiet = 500 * time.Millisecond
	// lineUnsure is how long nobody may know which side a source is of. Wrong
	// sides in a recording are worse than a seat that has to connect again.
	lineUnsure = 2 * time.Second
	lineHeld   = 128 // packets of it that are kept meanwhile
)

// readTrack takes the packets of one source.
func (pub *publication) readTrack(track *webrtc.TrackRemote, src *pubSource) {
	clock := pub.wire.opts.Now
	readTrack(track, func(packet []byte) {
		if pub.stopped.Load() {
			return
		}
		now := clock()
		line := src.line.Load()
		if line == nil {
			if line = pub.place(src, packet, now); line == nil {
				return
			}
		}
		line.take(packet, now)
	})
}

// place finds a source's line, and has the packets that waited for that taken.
// This one waits, too, where the line is not known yet.
func (pub *publication) place(src *pubSource, packet []byte, now time.Time) *pubLine {
	if src.began.IsZero() {
		src.began = now
	}
	line := pub.lineOf(src, now)
	switch {
	case line == nil && now.Sub(src.began) > lineUnsure:
		pub.wire.opts.Log.Warn("nobody knows which side of a seat a new source is; it has to connect again", "seat", pub.res.seat)
		pub.wire.drop(pub.res, endBroken)
		return nil
	case line == nil:
		if len(src.held) < lineHeld {
			src.held = append(src.held, heldRTP{slices.Clone(packet), now})
		}
		return nil
	}
	src.line.Store(line)
	for _, held := range src.held {
		line.take(held.packet, held.at)
	}
	src.held = nil
	return line
}

// lineOf finds the m-line that a source is of: the one that declared it, the
// only one, or else the one of which alone nothing comes any more since. nil:
// nobody knows yet.
func (pub *publication) lineOf(src *pubSource, now time.Time) *pubLine {
	if len(pub.lines) == 1 {
		return &pub.lines[0]
	}
	name := strconv.FormatUint(uint64(src.ssrc), 10)
	var quiet []*pubLine
	for i := range pub.lines {
		line := &pub.lines[i]
		if line.ssrc == name {
			return line
		}
		if line.quiet(now) {
			quiet = append(quiet, line)
		}
	}
	if len(quiet) != 1 || now.Sub(src.began) < lineQuiet {
		return nil
	}
	return quiet[0]
}

func (l *pubLine) quiet(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Sub(l.came) >= lineQuiet
}

// take takes a packet of one of the line's sources.
func (l *pubLine) take(packet []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.came = now
	h, ok := parseRTP(packet, 0)
	switch u := &l.unpacker; {
	case !ok:
		l.track.Receive(packet, now) // which counts it
	case u.red != 0 && h.payloadType == u.red:
		u.unpack(packet, h, func(packet []byte, redundant bool) { l.receive(packet, redundant, now) })
	default:
		if u.red != 0 {
			u.note(h.ssrc, h.seq, h.timestamp)
		}
		l.receive(packet, false, now)
	}
}

// receive takes an ordinary packet; redundant: the link had lost it.
func (l *pubLine) receive(packet []byte, redundant bool, now time.Time) {
	if h, ok := parseRTP(packet, 0); ok {
		if l.reception.packet(h, now) || redundant {
			l.track.mended.Add(1)
		}
	}
	l.track.Receive(packet, now)
}
