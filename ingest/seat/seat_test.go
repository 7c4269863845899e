package seat

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"earshot"
	"earshot/audio/g711"
)

func newEngine(t *testing.T, opts EngineOptions) *Engine {
	t.Helper()
	opts.Loopback = true
	e, err := NewEngine(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// tones is a script of so many packets of G.711 on each of n tracks; every
// payload is another.
func tones(n, packets int) Script {
	var s Script
	for track := range n {
		c := Clip{Codec: earshot.PCMU, Channels: 1}
		for i := range packets {
			p := bytes.Repeat([]byte{0x40 | byte(track)}, frameSamples)
			binary.BigEndian.PutUint16(p, uint16(i))
			c.add(p, frameSamples, uint8(20+track))
		}
		s.Clips = append(s.Clips, c)
	}
	return s
}

// patience bounds only how long a test that fails takes: machines may be busy.
const patience = 2 * time.Minute

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// TestTwoSides plays a script to a server: every packet arrives on its side,
// right in RTP time, with its level; the stream ends with DELETE.
func TestTwoSides(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	var kinds []string
	script := tones(2, 60)
	c := Client{Engine: e, Target: Target{URL: s.http.URL, Seat: "counter-1", Token: "est_x"}, Script: script,
		Events: func(e Event) { kinds = append(kinds, string(e.Kind)) }}
	begun := time.Now()
	if err := c.Run(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 1200*time.Millisecond {
		t.Errorf("1.2 s of audio took %v", took)
	}
	if got := strings.Join(kinds, " "); got != "connected finished closed" {
		t.Errorf("events: %s", got)
	}
	if where := take(t, s.deleted); where != "/whip/peers/1" {
		t.Errorf("DELETE %s", where)
	}
	post := s.requests[0]
	if post.URL.String() != "/whip/counter-1" || post.Header.Get("Authorization") != "Bearer est_x" || post.Header.Get("Content-Type") != "application/sdp" {
		t.Errorf("%s %v", post.URL, post.Header)
	}
	next := map[string]int{}
	first := map[string]uint32{}
	for len(s.packets) > 0 {
		p := take(t, s.packets)
		// A server may not hear the very first packets: it is still about to finish
		// the handshake.
		i := int(binary.BigEndian.Uint16(p.packet.Payload))
		if _, ok := first[p.mid]; !ok {
			first[p.mid] = p.packet.Timestamp - uint32(i)*160
			next[p.mid] = i
			if i > 30 || i == 0 && !p.packet.Marker {
				t.Errorf("%s begins with packet %d", p.mid, i)
			}
		}
		if i != next[p.mid] {
			t.Errorf("%s: packet %d instead of %d", p.mid, i, next[p.mid])
		}
		next[p.mid] = i + 1
		track := int(p.mid[0] - '0')
		if want := script.Clips[track].Payload(i); !bytes.Equal(p.packet.Payload, want) {
			t.Fatalf("mid %s, packet %d: %x…", p.mid, i, p.packet.Payload[:4])
		}
		if p.packet.Timestamp-first[p.mid] != uint32(i)*160 || p.level != 20+track || p.codec != "audio/PCMU" {
			t.Errorf("mid %s, packet %d: time %d, level %d, %s", p.mid, i, p.packet.Timestamp-first[p.mid], p.level, p.codec)
		}
	}
	if next["0"] != 60 || next["1"] != 60 {
		t.Errorf("packets: %v", next)
	}
}

// TestReportsAndRetransmission wants a sender report, and a packet again that
// is asked for.
func TestReportsAndRetransmission(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	ctx, cancel := context.WithCancel(testContext(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		c := Client{Engine: e, Target: Target{URL: s.http.URL + "/whip/", Seat: "a", Side: earshot.SideCustomer}, Script: tones(1, 50), Loop: true}
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	pc := take(t, s.peer)
	var p received
	for range 5 {
		p = take(t, s.packets)
	}
	if err := pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: p.ssrc, Nacks: []rtcp.NackPair{{PacketID: p.packet.SequenceNumber}}}}); err != nil {
		t.Fatal(err)
	}
	for {
		again := take(t, s.packets)
		if again.packet.SequenceNumber == p.packet.SequenceNumber {
			if !bytes.Equal(again.packet.Payload, p.packet.Payload) {
				t.Error("another packet under its number")
			}
			break
		}
	}
	if report := take(t, s.reports); report.SSRC != p.ssrc || report.PacketCount == 0 {
		t.Errorf("%+v", report)
	}
	if got := s.requests[0].URL.String(); got != "/whip/a?side=customer" {
		t.Error(got)
	}
	cancel()
	wg.Wait()
	take(t, s.deleted)
}

// TestReconnects refuses the first offer, breaks the second connection, and
// wants the third to go on in time.
func TestReconnects(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	s.refuse = func(post int) (int, string, string) {
		if post == 1 {
			return 503, "text/plain", "starting"
		}
		return 0, "", ""
	}
	ctx, cancel := context.WithCancel(testContext(t))
	var events []Event
	var wg sync.WaitGroup
	wg.Go(func() {
		c := Client{Engine: e, Target: Target{URL: s.http.URL, Seat: "a"}, Script: tones(1, 3000), Reconnect: true,
			Events: func(e Event) { events = append(events, e) }}
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	pc := take(t, s.peer)
	before := take(t, s.packets)
	if err := pc.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	broken := time.Now()
	take(t, s.peer)
	after := take(t, s.packets)
	for after.stream == before.stream {
		after = take(t, s.packets)
	}
	// The script went on meanwhile.
	passed := time.Duration(after.packet.Timestamp-before.packet.Timestamp) * time.Second / 8000
	if real := time.Since(broken); passed < real-time.Second || passed > real+3*time.Second {
		t.Errorf("%v of the script in %v", passed, real)
	}
	if binary.BigEndian.Uint16(after.packet.Payload) <= binary.BigEndian.Uint16(before.packet.Payload) {
		t.Error("the script began anew")
	}
	cancel()
	wg.Wait()
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "lost waiting connected lost waiting connected closed" {
		t.Errorf("events: %s", got)
	}
	var refused *Refused
	if !errors.As(events[0].Err, &refused) || refused.Status != 503 || refused.Detail != "starting" {
		t.Errorf("first: %v", events[0].Err)
	}
	if !errors.Is(events[3].Err, ErrDisconnected) {
		t.Errorf("second: %v", events[3].Err)
	}
}

func TestRefusalIsFinal(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	s.refuse = func(int) (int, string, string) {
		return 401, "application/problem+json", `{"title":"Unauthorized","detail":"the token is not this seat's","code":"bad_token","status":401}`
	}
	c := Client{Engine: e, Target: Target{URL: s.http.URL, Seat: "a"}, Script: tones(1, 10), Reconnect: true}
	err := c.Run(testContext(t))
	var refused *Refused
	if !errors.As(err, &refused) || refused.Code != "bad_token" || !strings.Contains(err.Error(), "the token is not this seat's") {
		t.Fatal(err)
	}
	if s.posts != 1 {
		t.Errorf("asked %d times", s.posts)
	}
}

func TestRestBetweenPasses(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	ctx, cancel := context.WithCancel(testContext(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		c := Client{Engine: e, Target: Target{URL: s.http.URL, Seat: "a"}, Script: tones(1, 10), Loop: true, Rest: 50 * time.Millisecond}
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	take(t, s.deleted)
	take(t, s.deleted)
	cancel()
	wg.Wait()
	streams := map[int]int{}
	for len(s.packets) > 0 {
		streams[(take(t, s.packets)).stream]++
	}
	if streams[1] == 0 || streams[2] == 0 {
		t.Errorf("packets of each stream: %v", streams)
	}
}

// TestManySeatsShareAnEngine runs them all at once.
func TestManySeatsShareAnEngine(t *testing.T) {
	const seats = 20
	s, e := newServer(t), newEngine(t, EngineOptions{})
	ctx := testContext(t)
	var wg sync.WaitGroup
	for i := range seats {
		wg.Go(func() {
			c := Client{Engine: e, Target: Target{URL: s.http.URL, Seat: fmt.Sprintf("seat-%d", i)}, Script: tones(2, 250)}
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first, next := map[string]int{}, map[string]int{}
	for len(s.packets) > 0 {
		p := take(t, s.packets)
		track, i := fmt.Sprint(p.stream, p.mid), int(binary.BigEndian.Uint16(p.packet.Payload))
		if _, ok := next[track]; !ok {
			first[track], next[track] = i, i
		}
		if i != next[track] {
			t.Errorf("track %s: packet %d instead of %d", track, i, next[track])
		}
		next[track] = i + 1
	}
	if len(next) != 2*seats {
		t.Errorf("%d tracks", len(next))
	}
	for track, n := range next {
		// So many handshakes at once take this server a while to finish.
		if n != 250 || first[track] > 225 {
			t.Errorf("track %s: packets %d to %d", track, first[track], n-1)
		}
	}
}

func TestGivenPackets(t *testing.T) {
	s, e := newServer(t), newEngine(t, EngineOptions{})
	p, err := e.Publish(testContext(t), Target{URL: s.http.URL, Seat: "a"}, []Track{{earshot.Opus, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := p.WriteRTP(0, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i * 7), Timestamp: 5}, Payload: []byte{0xFC, byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		got := take(t, s.packets)
		if got.packet.SequenceNumber != uint16(i*7) || !bytes.Equal(got.packet.Payload, []byte{0xFC, byte(i)}) || got.level != -1 {
			t.Errorf("%+v", got)
		}
	}
	if err := p.Abandon(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.WriteRTP(0, &rtp.Packet{}); !errors.Is(err, ErrDisconnected) {
		t.Error(err)
	}
	if len(s.deleted) != 0 {
		t.Error("a device that is switched off says goodbye")
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{URL: "http://h:1", Seat: "a"}, "http://h:1/whip/a"},
		{Target{URL: "https://h/", Seat: "a"}, "https://h/whip/a"},
		{Target{URL: "https://h/x/whip/", Seat: "a", Side: earshot.SideAgent}, "https://h/x/whip/a?side=agent"},
		{Target{URL: "https://h/whip/b"}, "https://h/whip/b"},
		{Target{URL: "https://h/whip/b?side=agent", Side: earshot.SideCustomer}, "https://h/whip/b?side=customer"},
		{Target{URL: "https://h"}, ""},
		{Target{URL: "h:80", Seat: "a"}, ""},
		{Target{URL: "ws://h", Seat: "a"}, ""},
	} {
		got, err := c.target.Endpoint()
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q, %v", c.target, got, err)
		}
	}
}

// record keeps what a player sends.
type record struct{ sent []rtp.Packet }

func (r *record) SetLevel(int, *rtp.Packet, uint8) error { return nil }
func (r *record) WriteRTP(_ int, p *rtp.Packet) error    { r.sent = append(r.sent, *p); return nil }

func TestPacingIsAbsolute(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPlayer(tones(1, 100), true)
	p.begin(start, 0)
	var r record
	step := func(at time.Duration, want int, next time.Duration) {
		t.Helper()
		r.sent = nil
		due, err := p.send(&r, start.Add(at))
		if err != nil || len(r.sent) != want || due.Sub(start) != next {
			t.Errorf("at %v: %d packets, next at %v, %v", at, len(r.sent), due.Sub(start), err)
		}
	}
	step(0, 1, 20*time.Millisecond)
	step(27*time.Millisecond, 1, 40*time.Millisecond) // late, but the next is not
	step(105*time.Millisecond, 4, 120*time.Millisecond)
	first := r.sent[3]
	p.skip(start.Add(3 * time.Second)) // a stretch without a connection, over the loop's seam
	step(3*time.Second, 1, 3020*time.Millisecond)
	if d := r.sent[0].Timestamp - first.Timestamp; d != 8000*29/10 {
		t.Errorf("RTP time went on by %d", d)
	}
	if r.sent[0].SequenceNumber != first.SequenceNumber+1 || !r.sent[0].Marker {
		t.Errorf("%+v", r.sent[0].Header)
	}
	if i := binary.BigEndian.Uint16(r.sent[0].Payload); i != 50 {
		t.Errorf("packet %d of the script after 3 s", i)
	}
}

func TestPlayEnds(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newPlayer(tones(2, 10), false)
	p.begin(start, 100*time.Millisecond)
	var r record
	next, err := p.send(&r, start.Add(95*time.Millisecond))
	if err != nil || len(r.sent) != 10 || next.Sub(start) != 100*time.Millisecond {
		t.Errorf("%d packets, next %v, %v", len(r.sent), next.Sub(start), err)
	}
	if next, _ := p.send(&r, start.Add(100*time.Millisecond)); !next.IsZero() || len(r.sent) != 10 {
		t.Errorf("%d packets, next %v", len(r.sent), next)
	}
}

func sine(rate int, hz float64, seconds float64) []int16 {
	s := make([]int16, int(float64(rate)*seconds))
	for i := range s {
		s[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return s
}

// loudness compares a G.711 clip with a tone of 8000 at hz: the share of its
// energy that the tone explains.
func matches(c Clip, hz float64) float64 {
	var re, im, energy float64
	n := 0
	for i := range c.Packets() {
		for _, b := range c.Payload(i) {
			v := float64(g711.ULaw(b))
			if c.Codec == earshot.PCMA {
				v = float64(g711.ALaw(b))
			}
			phase := 2 * math.Pi * hz * float64(n) / 8000
			re, im, energy = re+v*math.Cos(phase), im+v*math.Sin(phase), energy+v*v
			n++
		}
	}
	return 2 * (re*re + im*im) / (energy * float64(n))
}
