package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/ingest/seat"
)

// slotTime is what one packet of a two-track file stands for.
const slotTime = 20 * time.Millisecond

// fixture is the packets of one of the recorder's own files of known Opus.
func fixture(t *testing.T, name string) [][]byte {
	t.Helper()
	file, err := os.ReadFile("../../ingest/recorder/testdata/" + name + ".opus")
	if err != nil {
		t.Fatal(err)
	}
	_, packets := readOgg(t, file)
	return packets
}

func readOgg(t *testing.T, file []byte) (*ogg.OpusReader, [][]byte) {
	t.Helper()
	r, err := ogg.NewOpusReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(p.Data))
	}
	if damage := r.Damage(); len(damage) > 0 {
		t.Fatalf("the file is damaged: %v", damage)
	}
	return r, packets
}

// tones are payloads of G.711 that never are silence.
func tones(n, size int, seed byte) [][]byte {
	payloads := make([][]byte, n)
	for i := range payloads {
		payloads[i] = make([]byte, size)
		for k := range payloads[i] {
			payloads[i][k] = 1 + byte(i*7+k*3)%100 + seed
		}
	}
	return payloads
}

// shot is one RTP packet of a plan.
type shot struct {
	due     time.Duration // from the plan's start
	seq     uint16
	ts      uint32
	level   uint8
	payload []byte // none: a probe
	quiet   bool   // what is missing before it the sender left out: silence, no gap
	tooLate bool   // it comes when nobody waits for it any more
}

// line makes the shots of one track.
type line struct {
	payloads [][]byte      // again and again
	ticks    uint32        // of the RTP clock, a payload
	every    time.Duration // between two
	seq      uint16
	ts       uint32
}

// agentLine's counters begin just before they wrap.
func agentLine(payloads [][]byte) line {
	return line{payloads, 960, slotTime, 65500, 0xFFFFF000}
}

func customerLine(payloads [][]byte) line { return line{payloads, 960, slotTime, 7, 90000} }

// frames sets how long a payload is, in milliseconds at a clock of so many Hz.
func (l line) frames(ms uint32, rate uint32) line {
	l.ticks, l.every = ms*rate/1000, time.Duration(ms)*time.Millisecond
	return l
}

// fast makes the clock run fast by so many millionths.
func (l line) fast(ppm float64) line {
	l.every = time.Duration(float64(l.every) / (1 + ppm*1e-6))
	return l
}

// shots are the line's first n, each with a level of its own.
func (l line) shots(n int) []shot {
	shots := make([]shot, n)
	for i := range shots {
		shots[i] = shot{
			due: time.Duration(i) * l.every, seq: l.seq + uint16(i), ts: l.ts + uint32(i)*l.ticks,
			level: uint8(20 + i*7%50), payload: l.payloads[i%len(l.payloads)],
		}
	}
	return shots
}

// lost leaves the shots from i on, j excluded, out: they cannot be sent again.
func lost(shots []shot, i, j int) []shot { return slices.Delete(slices.Clone(shots), i, j) }

// changed works on copies of the shots from i on, j excluded.
func changed(shots []shot, i, j int, with func(i int, s *shot)) []shot {
	shots = slices.Clone(shots)
	for ; i < min(j, len(shots)); i++ {
		with(i, &shots[i])
	}
	return shots
}

// toEnd is behind every shot.
const toEnd = 1 << 30

func later(shots []shot, i, j int, by time.Duration) []shot {
	return changed(shots, i, j, func(_ int, s *shot) { s.due += by })
}

// unsaid leaves the shots from i on, j excluded, out as a sender does that makes
// none: those that follow count on.
func unsaid(shots []shot, i, j int) []shot {
	return lost(changed(shots, j, toEnd, func(_ int, s *shot) { s.seq -= uint16(j - i) }), i, j)
}

// probes puts so many packets without payload before shot i.
func probes(shots []shot, i, n int) []shot {
	last := shots[i-1]
	shots = changed(shots, i, toEnd, func(_ int, s *shot) { s.seq += uint16(n) })
	for k := range n {
		shots = slices.Insert(shots, i+k, shot{due: last.due, seq: last.seq + uint16(k) + 1, ts: last.ts})
	}
	return shots
}

// sound is what a slot of a side holds; without data a filler.
type sound struct {
	data  []byte
	level uint8
}

// laid is how shots must lie in the file: slot by slot, from the first that has
// audio.
func laid(t *testing.T, codec earshot.Codec, shots []shot) []sound {
	t.Helper()
	ticks := int64(codec.ClockRate() / 50) // a slot
	first := slices.MinFunc(shots, func(a, b shot) int { return int(int32(a.ts - b.ts)) }).ts
	shots = slices.DeleteFunc(slices.Clone(shots), func(s shot) bool { return len(s.payload) == 0 || s.tooLate })
	slices.SortFunc(shots, func(a, b shot) int { return cmp.Compare(a.ts-first, b.ts-first) })
	shots = slices.CompactFunc(shots, func(a, b shot) bool { return a.seq == b.seq })
	var slots []sound
	var half []byte // of 10 ms, whose other half comes next
	for _, s := range shots {
		at := int(int64(s.ts-first) / ticks)
		for len(slots) < at {
			missing := sound{level: earshot.LevelGap}
			if s.quiet {
				missing.level = earshot.LevelSilence
			}
			slots = append(slots, missing)
		}
		if short(codec, s.payload) && half == nil {
			half = s.payload
			slots = append(slots, sound{level: s.level})
			continue
		}
		if half != nil {
			slots[at] = sound{whole(t, codec, half, s.payload), min(slots[at].level, s.level)}
			half = nil
			continue
		}
		for _, piece := range pieces(t, codec, s.payload) {
			slots = append(slots, sound{piece, s.level})
		}
	}
	return slots
}

func short(codec earshot.Codec, payload []byte) bool {
	if codec != earshot.Opus {
		return len(payload) == 80
	}
	n, err := opus.Samples(payload)
	return err == nil && n == 480
}

// whole joins two halves of a slot.
func whole(t *testing.T, codec earshot.Codec, a, b []byte) []byte {
	t.Helper()
	if codec != earshot.Opus {
		return slices.Concat(a, b)
	}
	merged, err := opus.Merge([][]byte{a, b})
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// pieces are a payload cut into slots.
func pieces(t *testing.T, codec earshot.Codec, payload []byte) [][]byte {
	t.Helper()
	if codec != earshot.Opus {
		return slices.Collect(slices.Chunk(payload, 160))
	}
	if n, err := opus.Samples(payload); err != nil || n == 960 {
		return [][]byte{payload}
	}
	split, err := opus.SplitTo(payload, 960)
	if err != nil {
		t.Fatal(err)
	}
	return split
}

// arriving is what a packet may take from the sender's hand into the recording.
const arriving = 200 * time.Millisecond

// stoodStill is a lateness with which a machine proves nothing about the server:
// what was played on it is played again.
const stoodStill = 100 * time.Millisecond

// slack is what the machine's load may cost: the sender, the socket's reader and
// the track's may each be as late as the sender was seen to be.
func (d *device) slack() time.Duration { return timeTolerance + 3*d.lag }

// device is a seat's device of the tests: one standing connection.
type device struct {
	t   *testing.T
	pub *seat.Publisher

	started func()          // to be called once its first words are out
	start   time.Time       // of the plan it played last
	said    time.Time       // when that was over
	first   []time.Duration // by how much the least delayed of each track's first shots were late
	lag     time.Duration   // by how much the latest shot was late: what this machine's load costs
}

// connect publishes at a seat.
func (s *site) connect(target seat.Target, tracks []seat.Track) *device {
	s.t.Helper()
	s.doors <- struct{}{} // handshakes all at once delay what others say first
	leave := sync.OnceFunc(func() { <-s.doors })
	defer func() {
		if s.t.Failed() {
			leave()
		}
	}()
	d := s.join(target, tracks)
	d.started = leave
	return d
}

// join publishes at a seat where something goes on already.
func (s *site) join(target seat.Target, tracks []seat.Track) *device {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	pub, err := s.engine.Publish(ctx, target, tracks)
	if err != nil {
		s.t.Fatalf("publish: %v", err)
	}
	return &device{t: s.t, pub: pub, started: func() {}}
}

// firstShots are those among which the least delayed one says when a track began.
const firstShots = 10

// play sends the shots of each track when they are due, in real time.
func (d *device) play(tracks ...[]shot) {
	d.t.Helper()
	if err := d.send(tracks...); err != nil {
		d.t.Fatal(err)
	}
}

// send is play for goroutines of their own.
func (d *device) send(tracks ...[]shot) error {
	defer d.started()
	type event struct {
		track, n int
		shot
	}
	var events []event
	for track, shots := range tracks {
		for n, s := range shots {
			events = append(events, event{track, n, s})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.due, b.due) })
	d.start, d.first = time.Now(), make([]time.Duration, len(tracks))
	for i := range d.first {
		d.first[i] = time.Hour
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, e := range events {
		timer.Reset(time.Until(d.start.Add(e.due)))
		<-timer.C
		packet := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: e.ts}, Payload: e.payload}
		if len(e.payload) > 0 {
			if err := d.pub.SetLevel(e.track, &packet, e.level); err != nil {
				return err
			}
		}
		late := time.Since(d.start.Add(e.due))
		if d.lag = max(d.lag, late); e.n < firstShots {
			d.first[e.track] = min(d.first[e.track], late)
		} else {
			d.started()
		}
		if err := d.pub.WriteRTP(e.track, &packet); err != nil {
			return err
		}
	}
	d.said = time.Now()
	// What was sent last lasts too, and must come before any goodbye.
	timer.Reset(arriving + min(2*d.lag, 2*arriving))
	<-timer.C
	return nil
}

// began is when the track's first shot would have been sent on an idle machine.
func (d *device) began(track int) time.Time { return d.start.Add(d.first[track]) }

// bye ends the stream by DELETE, between the two instants.
func (d *device) bye() (from, to time.Time) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.t.Context()), patience)
	defer cancel()
	from = time.Now()
	if err := d.pub.Close(ctx); err != nil {
		d.t.Errorf("end the stream: %v", err)
	}
	return from, time.Now()
}

// vanish ends the connection as a device that is switched off.
func (d *device) vanish() {
	d.t.Helper()
	if err := d.pub.Abandon(); err != nil {
		d.t.Error(err)
	}
}
