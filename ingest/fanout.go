package ingest

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"earshot/ingest/recorder"
)

// maxPacket is the largest RTP packet that is passed on, in bytes; audio
// packets are far smaller.
const maxPacket = 1500

// source says what the packets of one track are to those who listen. It is
// made once a track and never changed.
type source struct {
	Stream   string         // the stream's id
	Track    recorder.Track // side, codec, channels
	LevelExt uint8          // id of the RFC 6464 header extension in its packets; 0 none
}

// fanout passes the packets of one seat to all that listen to it. Readers of
// tracks write; nothing they do waits for a listener or takes a lock.
type fanout struct {
	ears atomic.Pointer[[]ear]

	mu      sync.Mutex // guards changes of ears, and sources
	sources []*source  // what the seat's streams carry now
}

// ear is one that listens. hear is called by the readers of tracks, several at
// once; it must not block, and takes a reference if it keeps the frame.
type ear interface{ hear(f *frame) }

func newFanout() *fanout { return &fanout{} }

// write passes one RTP packet of src on. The packet is only read during the
// call. Track.Receive calls it, so with nobody listening it costs one load.
func (f *fanout) write(src *source, packet []byte, arrival time.Time) {
	ears := f.ears.Load()
	if ears == nil || len(packet) > maxPacket {
		return
	}
	fr := newFrame(src, packet, arrival)
	for _, e := range *ears {
		e.hear(fr)
	}
	fr.release()
}

// add lets e hear all packets from now on.
func (f *fanout) add(e ear) { f.change(func(ears []ear) []ear { return append(ears, e) }) }

// remove ends that; a write under way may still reach e.
func (f *fanout) remove(e ear) {
	f.change(func(ears []ear) []ear {
		return slices.DeleteFunc(ears, func(other ear) bool { return other == e })
	})
}

func (f *fanout) change(edit func([]ear) []ear) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var now []ear
	if old := f.ears.Load(); old != nil {
		now = slices.Clone(*old)
	}
	if now = edit(now); len(now) == 0 {
		f.ears.Store(nil)
		return
	}
	f.ears.Store(&now)
}

// announce tells which tracks a new stream carries; listeners are answered by it.
func (f *fanout) announce(sources []*source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sources = append(f.sources, sources...)
}

// withdraw takes a stream's tracks away again.
func (f *fanout) withdraw(stream string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sources = slices.DeleteFunc(f.sources, func(s *source) bool { return s.Stream == stream })
}

// carried is what the seat's streams carry now, a newer stream's track of the
// same side in place of the older one's.
func (f *fanout) carried() []*source {
	f.mu.Lock()
	defer f.mu.Unlock()
	var now []*source
	for i := len(f.sources) - 1; i >= 0; i-- {
		s := f.sources[i]
		taken := slices.ContainsFunc(now, func(n *source) bool { return n.overlaps(s) && n.Stream != s.Stream })
		if !taken {
			now = append(now, s)
		}
	}
	slices.Reverse(now)
	return now
}

// wide says whether s alone is the whole seat: both sides in one track.
func (s *source) wide() bool { return s.Track.Mixed || s.Track.Channels == 2 }

func (s *source) overlaps(o *source) bool {
	return s.wide() || o.wide() || s.Track.Side == o.Track.Side
}

// frame is one RTP packet on its way to listeners, shared by them and given
// back to the pool by the last.
type frame struct {
	src     *source
	arrival time.Time
	refs    atomic.Int32
	n       int
	buf     [maxPacket]byte
}

var frames = sync.Pool{New: func() any { return new(frame) }}

func newFrame(src *source, packet []byte, arrival time.Time) *frame {
	fr := frames.Get().(*frame)
	fr.src, fr.arrival, fr.n = src, arrival, copy(fr.buf[:], packet)
	fr.refs.Store(1)
	return fr
}

func (fr *frame) packet() []byte { return fr.buf[:fr.n] }

func (fr *frame) retain() { fr.refs.Add(1) }

func (fr *frame) release() {
	if fr.refs.Add(-1) == 0 {
		fr.src = nil
		frames.Put(fr)
	}
}
