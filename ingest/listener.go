package ingest

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/ingest/recorder"
)

// listenQueue is how many packets wait for one listener: half a second of two
// tracks. More would only be heard late.
const listenQueue = 50

// longestPause is the longest time between two packets that still counts as
// heard: a sender's silence, not its absence.
const longestPause = time.Second

// listener writes what it hears to one connection. The readers of tracks put
// packets into its queue, and go on when that is full; one goroutine, run,
// owns the rest.
type listener struct {
	lanes   []*lane
	alone   bool // it was answered with one lane because the seat has one track
	queue   chan *frame
	dropped atomic.Uint64
	live    atomic.Bool // the connection stands
	misfit  func()      // called once when the seat changes so that the answer no longer fits

	// What follows belongs to run.
	heard  time.Duration
	last   time.Time // arrival of the newest packet that was sent
	misfed bool
}

func newListener(plan hearPlan, misfit func()) *listener {
	return &listener{lanes: plan.lanes, alone: plan.alone, queue: make(chan *frame, listenQueue), misfit: misfit}
}

// hear queues a packet, or drops it where the listener does not keep up.
func (l *listener) hear(f *frame) {
	if l.laneFor(f.src) == nil && !l.alone {
		return
	}
	f.retain()
	select {
	case l.queue <- f:
	default:
		f.release()
		l.dropped.Add(1)
	}
}

func (l *listener) laneFor(src *source) *lane {
	for _, lane := range l.lanes {
		if lane.track.Side == src.Track.Side {
			return lane
		}
	}
	return nil
}

// run sends until stop is closed.
func (l *listener) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case f := <-l.queue:
			l.send(f)
			f.release()
		}
	}
}

func (l *listener) send(f *frame) {
	lane := l.laneFor(f.src)
	if lane == nil || lane.track != f.src.Track {
		if !l.misfed {
			l.misfed = true
			l.misfit()
		}
		return
	}
	if !l.live.Load() || !lane.send(f) {
		return
	}
	if step := f.arrival.Sub(l.last); !l.last.IsZero() && step > 0 && step <= longestPause {
		l.heard += step
	}
	if f.arrival.After(l.last) {
		l.last = f.arrival
	}
}

// lane is one m-line to a listener, and the track that is sent on it. A track
// that is the whole seat goes to the agent's lane.
type lane struct {
	name  string         // id of track and stream: browsers show a page the latter alone
	track recorder.Track // what was answered

	bound atomic.Pointer[binding]
	seam  seam // belongs to the listener's goroutine
}

// binding is what was negotiated for a lane.
type binding struct {
	ssrc        uint32
	payloadType uint8
	levelExt    uint8
	writer      webrtc.TrackLocalWriter
}

// send writes a packet under the lane's own SSRC, payload type and numbers.
func (l *lane) send(f *frame) bool {
	b := l.bound.Load()
	h, ok := parseRTP(f.packet(), f.src.LevelExt)
	if b == nil || !ok {
		return false
	}
	seq, timestamp, joined, ok := l.seam.pass(f.src.Stream, h.ssrc, h.seq, h.timestamp, f.arrival, l.track.Codec.ClockRate())
	if !ok {
		return false
	}
	header := rtp.Header{
		Version: 2, Marker: f.buf[1]&0x80 != 0 || joined, PayloadType: b.payloadType,
		SequenceNumber: seq, Timestamp: timestamp, SSRC: b.ssrc,
	}
	if b.levelExt != 0 && h.level != earshot.LevelGap {
		// The error is for an id or a length out of range; these are in it.
		_ = header.SetExtension(b.levelExt, []byte{h.level})
	}
	// A failure is the connection's, whose state ends the listener.
	_, err := b.writer.WriteRTP(&header, f.buf[h.payload:h.end])
	return err == nil
}

// Bind and what follows make a lane a track of pion's.
func (l *lane) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	want := codecParameters(l.track.Codec, 0).MimeType
	for _, c := range ctx.CodecParameters() {
		if c.MimeType != want {
			continue
		}
		b := &binding{ssrc: uint32(ctx.SSRC()), payloadType: uint8(c.PayloadType), writer: ctx.WriteStream()}
		for _, ext := range ctx.HeaderExtensions() {
			b.levelExt = uint8(ext.ID) // the audio level is the only one registered
		}
		l.bound.Store(b)
		return c, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

func (l *lane) Unbind(webrtc.TrackLocalContext) error {
	l.bound.Store(nil)
	return nil
}

func (l *lane) ID() string                { return l.name }
func (l *lane) RID() string               { return "" }
func (l *lane) StreamID() string          { return l.name }
func (l *lane) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// seam joins the packets of one stream after another into one run of sequence
// numbers and timestamps, so that a listener hears a take-over as a pause.
type seam struct {
	began     bool
	stream    string
	ssrc      uint32
	seqShift  uint16
	timeShift uint32
	seq       uint16 // highest sent
	timestamp uint32 // of that
	arrival   time.Time
}

// latePacket is how many numbers behind the newest a packet is still of use to
// a listener, and tornRun from where on a jump is not loss but a new beginning.
const (
	latePacket = 50
	tornRun    = 3000
)

// pass maps a packet's numbers. joined says that a new run begins with it; ok
// is false for a packet that comes too late to be heard. rate is in Hz.
func (s *seam) pass(stream string, ssrc uint32, seq uint16, timestamp uint32, arrival time.Time, rate int) (uint16, uint32, bool, bool) {
	outSeq, outTime := seq+s.seqShift, timestamp+s.timeShift
	ahead := int(int16(outSeq - s.seq))
	joined := s.began && (s.stream != stream || s.ssrc != ssrc || ahead > tornRun || ahead < -tornRun)
	switch {
	case !s.began:
	case joined:
		passed := max(arrival.Sub(s.arrival), 20*time.Millisecond)
		outSeq = s.seq + 1
		outTime = s.timestamp + uint32(passed.Seconds()*float64(rate))
		s.seqShift, s.timeShift = outSeq-seq, outTime-timestamp
	case ahead <= 0:
		return outSeq, outTime, false, ahead > -latePacket
	}
	s.began, s.stream, s.ssrc = true, stream, ssrc
	s.seq, s.timestamp, s.arrival = outSeq, outTime, arrival
	return outSeq, outTime, joined, true
}
