package ingest

import (
	"encoding/binary"
	"sync"
	"time"

	"earshot"
	"earshot/audio/mix"
	"earshot/ingest/recorder"
)

// mixTrack is what a mixer makes.
var mixTrack = recorder.Track{Side: earshot.SideAgent, Mixed: true, Codec: earshot.PCMU, Channels: 1}

// A mix is sent on the listeners' clock, so it holds a little back for packets
// that come unevenly.
const (
	mixEvery  = mix.FrameSamples * time.Second / mix.Rate // 20 ms
	mixAhead  = 3 * mix.FrameSamples                      // samples that wait before it begins
	mixQueue  = 50                                        // packets
	mixHeader = 12                                        // bytes, without extensions
)

// mixer adds a seat's two sides up for listeners that take one track. There is
// one a seat, while anybody wants it; its goroutine, run, decodes and codes.
type mixer struct {
	seat  string
	codec earshot.Codec // of the sides
	in    *fanout
	out   *fanout
	queue chan *frame
	stop  chan struct{}
	ended sync.WaitGroup
	users int // guarded by mixers.mu
}

// mixers are a wire's, by seat.
type mixers struct {
	mu     sync.Mutex
	bySeat map[string]*mixer
}

// mixFor is the seat's mixer, started if it is the first to want it; each call
// is answered by one of unmix.
func (w *Wire) mixFor(seat string, codec earshot.Codec, in *fanout) (*mixer, error) {
	w.mixing.mu.Lock()
	defer w.mixing.mu.Unlock()
	m := w.mixing.bySeat[seat]
	if m == nil || m.codec != codec {
		sides, err := mix.New(codec, maxTracks)
		if err != nil {
			return nil, err
		}
		m = &mixer{seat: seat, codec: codec, in: in, out: newFanout(), queue: make(chan *frame, mixQueue), stop: make(chan struct{})}
		w.mixing.bySeat[seat] = m
		m.ended.Go(func() { m.run(sides) })
		in.add(m)
	}
	m.users++
	return m, nil
}

// unmix ends the mixer when nobody wants it any more, and waits for its end.
func (w *Wire) unmix(m *mixer) {
	w.mixing.mu.Lock()
	m.users--
	last := m.users == 0
	if last && w.mixing.bySeat[m.seat] == m {
		delete(w.mixing.bySeat, m.seat)
	}
	w.mixing.mu.Unlock()
	if last {
		m.in.remove(m)
		close(m.stop)
		m.ended.Wait()
	}
}

func (m *mixer) hear(f *frame) {
	f.retain()
	select {
	case m.queue <- f:
	default:
		f.release()
	}
}

func (m *mixer) run(sides *mix.Mixer) {
	tick := time.NewTicker(mixEvery)
	defer tick.Stop()
	out := mixWriter{fan: m.out, src: &source{Stream: "mix-" + m.seat, Track: mixTrack}}
	newest := map[*source]uint16{}
	for {
		select {
		case <-m.stop:
			return
		case f := <-m.queue:
			if f.src.Track.Codec != m.codec {
				out.torn(f.arrival)
			} else {
				push(sides, f, newest)
			}
			f.release()
		case now := <-tick.C:
			out.tick(sides, now)
		}
	}
}

// push decodes a packet, unless a later one of its track has been decoded.
func push(sides *mix.Mixer, f *frame, newest map[*source]uint16) {
	h, ok := parseRTP(f.packet(), 0)
	if !ok || h.payload == h.end {
		return
	}
	if last, seen := newest[f.src]; seen && int16(h.seq-last) <= 0 && int16(h.seq-last) > -tornRun {
		return
	}
	if _, seen := newest[f.src]; !seen && len(newest) > 2*maxTracks {
		clear(newest) // tracks of streams that were taken over
	}
	newest[f.src] = h.seq
	// A packet that cannot be decoded is silence to this listener, as it would
	// be to any other.
	_ = sides.Push(sideIndex(f.src.Track.Side), f.buf[h.payload:h.end])
}

// mixWriter makes RTP packets of the mix.
type mixWriter struct {
	fan       *fanout
	src       *source
	flowing   bool
	seq       uint16
	timestamp uint32
	packet    [mixHeader + mix.FrameSamples]byte
}

// tick sends the next 20 ms, or nothing while both sides are quiet.
func (o *mixWriter) tick(sides *mix.Mixer, now time.Time) {
	o.timestamp += mix.FrameSamples
	began := !o.flowing
	if began && max(sides.Queued(0), sides.Queued(1)) < mixAhead {
		return
	}
	audio, any := sides.Pull(o.packet[:mixHeader])
	if o.flowing = any; !any {
		return
	}
	o.seq++
	audio[0], audio[1] = 0x80, 0
	if began {
		audio[1] = 0x80 // the marker: a talkspurt begins
	}
	binary.BigEndian.PutUint16(audio[2:], o.seq)
	binary.BigEndian.PutUint32(audio[4:], o.timestamp)
	binary.BigEndian.PutUint32(audio[8:], 1)
	o.fan.write(o.src, audio, now)
}

// torn tells listeners that what they were answered no longer holds: a track
// they did not expect ends their listening, and they ask again.
func (o *mixWriter) torn(now time.Time) {
	other := &source{Stream: o.src.Stream, Track: recorder.Track{Side: earshot.SideAgent}}
	o.fan.write(other, o.packet[:], now)
}
