package ingest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"earshot"
	"earshot/ingest/recorder"
)

// rig is a floor and a wire behind a real HTTP server, with one seat.
type rig struct {
	t     *testing.T
	floor *Floor
	wire  *Wire
	http  *httptest.Server
	heard *recordedEar
	mu    sync.Mutex
	ended []earshot.Listened
}

const (
	rigSeat  = "counter-1"
	rigToken = "est_the-token-of-counter-1"
	waitFor  = 2 * time.Minute // bounds only how long a test that fails takes
)

func newRig(t *testing.T, change func(*WireOptions)) *rig {
	t.Helper()
	// What runs before is other tests' business; http keeps idle connections.
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if os.Getenv("EARSHOT_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	floor, err := New(t.Context(), Options{
		Node: "node-1", Shelf: rigShelf{}, Board: rigBoard{}, Files: rigFiles{}, Log: log,
		newRecording: func(call *earshot.Call, _ recorder.Options) recording { return &rigRecording{call: *call} },
	})
	if err != nil {
		t.Fatal(err)
	}
	opts := WireOptions{UDP: "127.0.0.1:0", Log: log}
	if change != nil {
		change(&opts)
	}
	wire, err := NewWire(opts)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, floor: floor, wire: wire, heard: &recordedEar{}}
	floor.fanout(rigSeat).add(r.heard)
	mux := http.NewServeMux()
	mux.Handle("/whip/", wire.WHIP(floor))
	mux.HandleFunc("/whep/", func(rw http.ResponseWriter, req *http.Request) {
		user := req.Header.Get("X-User")
		if user == "" {
			user = "boss"
		}
		floor.ServeListen(rw, req, earshot.Listener{User: user, Ended: func(l earshot.Listened) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ended = append(r.ended, l)
		}})
	})
	r.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitFor)
		defer cancel()
		if err := floor.Close(ctx); err != nil {
			t.Errorf("closing the floor: %v", err)
		}
		r.http.Close()
	})
	return r
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(waitFor)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", waitFor, what)
		}
	}
}

// reply is an answer whose body has been read.
type reply struct {
	StatusCode int
	Status     string
	Header     http.Header
}

// do sends a request with the seat's token and returns answer and body.
func (r *rig) do(method, path, body string, headers ...string) (reply, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.http.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+rigToken)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Status, resp.Header}, string(data)
}

// client is a pion peer of the tests.
type client struct {
	pc     *webrtc.PeerConnection
	tracks []*webrtc.TrackLocalStaticRTP
	path   string // of its resource
	etag   string
}

type clientOptions struct {
	tracks   int
	codec    earshot.Codec
	networks []webrtc.NetworkType
	port     ice.UDPMux // one of its own for all its connections
	receive  bool
	fmtp     string
	onTrack  func(*webrtc.TrackRemote)
	red      bool                                       // offers RED, too
	rewrite  func(h *rtp.Header, payload []byte) []byte // changes what it sends
}

// newClient makes a peer that sends (or with receive takes) tracks.
func (r *rig) newClient(o clientOptions) *client {
	r.t.Helper()
	if o.codec == "" {
		o.codec = earshot.Opus
	}
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if o.networks == nil {
		o.networks = []webrtc.NetworkType{webrtc.NetworkTypeUDP4}
	}
	e.SetNetworkTypes(o.networks)
	if o.port != nil {
		e.SetICEUDPMux(o.port)
	}
	e.SetIPFilter(net.IP.IsLoopback)
	media := &webrtc.MediaEngine{}
	all := []earshot.Codec{o.codec}
	if o.receive {
		all = []earshot.Codec{earshot.Opus, earshot.PCMU, earshot.PCMA}
	}
	for _, codec := range all {
		c := codecParameters(codec, map[earshot.Codec]int{earshot.Opus: 111, earshot.PCMU: 0, earshot.PCMA: 8}[codec])
		if codec == earshot.Opus {
			c.SDPFmtpLine = o.fmtp
		}
		r.must(media.RegisterCodec(c, webrtc.RTPCodecTypeAudio))
	}
	r.must(media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}, webrtc.RTPCodecTypeAudio))
	if o.red {
		r.must(media.RegisterCodec(redParameters, webrtc.RTPCodecTypeAudio))
	}
	registry := &interceptor.Registry{}
	if o.rewrite != nil {
		registry.Add(rewriting(o.rewrite))
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry)).NewPeerConnection(webrtc.Configuration{})
	r.must(err)
	r.t.Cleanup(func() { _ = pc.GracefulClose() })
	c := &client{pc: pc}
	for i := range o.tracks {
		if o.receive {
			_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			r.must(err)
			continue
		}
		track, err := webrtc.NewTrackLocalStaticRTP(codecParameters(o.codec, 0).RTPCodecCapability, fmt.Sprint("track-", i), "seat")
		r.must(err)
		_, err = pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		r.must(err)
		c.tracks = append(c.tracks, track)
	}
	if o.onTrack != nil {
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { o.onTrack(track) })
	}
	return c
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// offer makes the client's offer with its candidates in it.
func (c *client) offer(r *rig, options *webrtc.OfferOptions) string {
	r.t.Helper()
	offer, err := c.pc.CreateOffer(options)
	r.must(err)
	gathered := webrtc.GatheringCompletePromise(c.pc)
	r.must(c.pc.SetLocalDescription(offer))
	<-gathered
	return c.pc.LocalDescription().SDP
}

// post sends the offer to path and takes the answer.
func (c *client) post(r *rig, path string, headers ...string) string {
	r.t.Helper()
	resp, body := r.do(http.MethodPost, path, c.offer(r, nil), append([]string{"Content-Type", typeSDP}, headers...)...)
	if resp.StatusCode != http.StatusCreated {
		r.t.Fatalf("POST %s: %s: %s", path, resp.Status, body)
	}
	c.path, c.etag = resp.Header.Get("Location"), resp.Header.Get("ETag")
	r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}))
	return body
}

// connected waits until the client's connection stands.
func (c *client) connected(r *rig) {
	r.t.Helper()
	eventually(r.t, "the client is connected", func() bool {
		return c.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
	})
}

// publish is a connected seat with so many tracks.
func (r *rig) publish(tracks int) *client {
	r.t.Helper()
	c := r.newClient(clientOptions{tracks: tracks})
	c.post(r, whipBase+rigSeat)
	c.connected(r)
	r.seatUp(tracks)
	return c
}

// seatUp waits until the floor knows of so many tracks at the seat.
func (r *rig) seatUp(tracks int) {
	r.t.Helper()
	eventually(r.t, "the seat is up", func() bool { return len(r.floor.fanout(rigSeat).carried()) == tracks })
}

// send writes packets from..to of a track; packet n has sequence number n,
// timestamp n*960 and testPayload(track, n).
func (c *client) send(r *rig, track, from, to int) {
	r.t.Helper()
	for n := from; n < to; n++ {
		p := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 960},
			Payload: testPayload(track, n),
		}
		r.must(p.SetExtension(1, []byte{byte(20 + n%50)}))
		r.must(c.tracks[track].WriteRTP(p))
	}
}

// testPayload is told apart from any other.
func testPayload(track, n int) []byte {
	return slices.Concat([]byte{0xf8, byte(track)}, []byte(fmt.Sprintf("packet %d of track %d", n, track)))
}

// recordedEar keeps all it hears, by side.
type recordedEar struct {
	mu      sync.Mutex
	packets map[earshot.Side][]heardPacket
}

type heardPacket struct {
	raw     []byte
	arrival time.Time
	ext     uint8
}

func (e *recordedEar) hear(f *frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.packets == nil {
		e.packets = map[earshot.Side][]heardPacket{}
	}
	side := f.src.Track.Side
	e.packets[side] = append(e.packets[side], heardPacket{slices.Clone(f.packet()), f.arrival, f.src.LevelExt})
}

func (e *recordedEar) of(side earshot.Side) []heardPacket {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.packets[side])
}

func (r *rig) endings() []earshot.Listened {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ended)
}

// rigShelf has the one seat.
type rigShelf struct{ Shelf }

func (rigShelf) Seats(context.Context) ([]earshot.Seat, error) {
	return []earshot.Seat{{
		ID: rigSeat, Name: "Counter 1", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession,
		Tokens: []earshot.SeatToken{{Hash: earshot.HashToken(rigToken), MadeAt: time.Now(), UsedAt: time.Now()}},
	}, {ID: "counter-2", Name: "Counter 2", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession}}, nil
}
func (rigShelf) SaveTokens(context.Context, string, []earshot.SeatToken) error { return nil }
func (rigShelf) SaveStreams(context.Context, []earshot.StreamSpan) error       { return nil }
func (rigShelf) Announce(context.Context, earshot.Announcement) error          { return nil }
func (rigShelf) SaveAgent(context.Context, earshot.Agent) error                { return nil }
func (rigShelf) SaveCall(context.Context, earshot.Call) error                  { return nil }
func (rigShelf) OpenCalls(context.Context, string) ([]earshot.Call, error)     { return nil, nil }

// rigBoard swallows all it is told.
type rigBoard struct{}

func (rigBoard) PutSeat(context.Context, earshot.LiveSeat) error               { return nil }
func (rigBoard) PutNode(context.Context, earshot.LiveNode, []string) error     { return nil }
func (rigBoard) DropNode(context.Context, string) error                        { return nil }
func (rigBoard) Tell(context.Context, earshot.Event) error                     { return nil }
func (rigBoard) PutLevels(context.Context, string, []earshot.SeatLevels) error { return nil }
func (rigBoard) Follow(ctx context.Context, _ string, _ func(earshot.Event) error) error {
	<-ctx.Done()
	return ctx.Err()
}

type rigFiles struct{ Files }

func (rigFiles) WriteWhole(string, []byte) error { return nil }

// rigRecording records nothing; what is recorded is the recorder's test.
type rigRecording struct{ call earshot.Call }

func (r *rigRecording) Open(time.Time, []recorder.Track) error               { return nil }
func (r *rigRecording) Packet(recorder.Packet) error                         { return nil }
func (r *rigRecording) Close(time.Time, earshot.Side)                        {}
func (r *rigRecording) Overflow(time.Time, earshot.Side, int)                {}
func (r *rigRecording) SenderReport(earshot.Side, uint32, time.Time, uint32) {}
func (r *rigRecording) Pause(time.Time)                                      {}
func (r *rigRecording) Resume(time.Time)                                     {}
func (r *rigRecording) Advance(time.Time) error                              { return nil }
func (r *rigRecording) End(at time.Time) error                               { r.call.EndedAt = earshot.At(at); return nil }
func (r *rigRecording) Call() earshot.Call                                   { return r.call.Clone() }
func (r *rigRecording) Facts(change func(*earshot.Call))                     { change(&r.call) }
func (r *rigRecording) Levels() earshot.Levels                               { return earshot.Levels{} }
func (r *rigRecording) Earlier(earshot.Levels)                               {}
func (r *rigRecording) Stats() recorder.Stats                                { return recorder.Stats{} }

func (r *rigRecording) Snapshot(time.Time, int) (*io.SectionReader, string, error) {
	return io.NewSectionReader(strings.NewReader(""), 0, 0), "", nil
}

// nacked lists the sequence numbers that are asked for.
func nacked(packets []rtcp.Packet) []uint16 {
	var seqs []uint16
	for _, packet := range packets {
		if n, ok := packet.(*rtcp.TransportLayerNack); ok {
			for _, pair := range n.Nacks {
				seqs = append(seqs, pair.PacketList()...)
			}
		}
	}
	return seqs
}
