package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/ingest/seat"
)

// overNetwork measures a server that is a child of this process.
func overNetwork(ctx context.Context, opts Options, dir string) (f *figures, err error) {
	f = &figures{opts: opts, gaps: map[earshot.Cause]time.Duration{}}
	s, err := startServer(ctx, opts, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	tokens, err := s.makeSeats(ctx, opts.Seats)
	if err != nil {
		return nil, fmt.Errorf("making seats: %w", err)
	}
	if f.idleRSS, err = settled(ctx, s.pid()); err != nil {
		return nil, err
	}
	if err := f.speak(ctx, s.place(tokens)); err != nil {
		return nil, err
	}
	return f, s.countCalls(ctx, opts.Seats, f.count)
}

// place is a server that seats speak to and that is listened to.
type place struct {
	pid    int
	tracks int // a connection
	seats  []seat.Target
	whep   func(i int) string // URL for listening to the i-th seat
	token  string             // to listen with; empty if none is asked for
	http   *http.Client
}

// place is where the bench's seats speak to the server.
func (s *server) place(tokens []string) place {
	p := place{pid: s.pid(), tracks: tracksASeat, token: s.token, http: s.http, whep: func(i int) string { return s.url + "/whep/" + seatName(i) }}
	for i, token := range tokens {
		p.seats = append(p.seats, seat.Target{URL: s.url, Seat: seatName(i), Token: token})
	}
	return p
}

// speak connects the seats and listeners, and measures while they speak.
func (f *figures) speak(ctx context.Context, at place) (err error) {
	engine, err := seat.NewEngine(seat.EngineOptions{Loopback: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	pace := &pacer{}
	publishers, err := connect(ctx, engine, at)
	defer func() {
		err = errors.Join(err, disconnect(context.WithoutCancel(ctx), publishers))
	}()
	if err != nil {
		return err
	}
	for i, p := range publishers {
		for track := range at.tracks {
			v := newVoice(uint64(i*at.tracks+track), func(packet *rtp.Packet) error { return p.WriteRTP(track, packet) })
			if err := p.SetLevel(track, &v.packet, 30); err != nil {
				return err
			}
			pace.voices = append(pace.voices, v)
		}
	}
	speaking, hush := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { pace.run(speaking) })
	defer func() {
		hush()
		wg.Wait()
		f.allSent = pace.sent.Load()
		err = errors.Join(err, pace.err())
	}()
	ears := &ears{}
	defer func() { err = errors.Join(err, ears.close()) }()
	if f.opts.Listeners > 0 { // the floor sees a seat that came at its next tick
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	for i := range f.opts.Listeners * tracksASeat / at.tracks {
		if err := ears.listen(ctx, at, i%len(at.seats)); err != nil {
			return fmt.Errorf("listening: %w", err)
		}
	}
	started := sync.OnceFunc(ears.start)
	err = f.sample(ctx, at.pid, func() int64 {
		started() // what is heard is counted over the same span
		return pace.sent.Load()
	})
	ears.stop()
	f.delays, f.heard = ears.delays, int64(len(ears.delays))
	f.toHear = int64(float64(f.opts.Listeners*tracksASeat) * float64(f.span) / float64(frameEvery))
	return err
}

// atOnce is how many seats come or go at the same time.
const atOnce = 8

// connect publishes all seats; those that stand are returned with an error too.
func connect(ctx context.Context, engine *seat.Engine, at place) ([]*seat.Publisher, error) {
	publishers := make([]*seat.Publisher, len(at.seats))
	tracks := slices.Repeat([]seat.Track{{Codec: earshot.Opus, Channels: 1}}, at.tracks)
	err := each(len(at.seats), func(i int) (err error) {
		publishers[i], err = engine.Publish(ctx, at.seats[i], tracks)
		return err
	})
	return slices.DeleteFunc(publishers, func(p *seat.Publisher) bool { return p == nil }), err
}

func disconnect(ctx context.Context, publishers []*seat.Publisher) error {
	return each(len(publishers), func(i int) error { return publishers[i].Close(ctx) })
}

// each does something n times, several at once.
func each(n int, do func(i int) error) error {
	failures := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				failures[i] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

// ears are the bench's listeners.
type ears struct {
	pcs     []*webrtc.PeerConnection
	readers sync.WaitGroup

	mu       sync.Mutex
	counting bool
	delays   []time.Duration
}

func (e *ears) start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counting, e.delays = true, make([]time.Duration, 0, 1<<20)
}

func (e *ears) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counting = false
}

func (e *ears) hear(payload []byte, now time.Time) {
	sent, ok := sentAt(payload)
	e.mu.Lock()
	defer e.mu.Unlock()
	if ok && e.counting {
		e.delays = append(e.delays, now.Sub(sent))
	}
}

// listen connects one listener to both sides of the i-th seat.
func (e *ears) listen(ctx context.Context, at place, i int) error {
	pc, err := listenerConnection(at.tracks)
	if err != nil {
		return err
	}
	e.pcs = append(e.pcs, pc)
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		e.readers.Add(1)
		defer e.readers.Done()
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			e.hear(p.Payload, time.Now())
		}
	})
	connected := make(chan struct{})
	once := sync.OnceFunc(func() { close(connected) })
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once()
		}
	})
	if err := negotiate(ctx, pc, at, i); err != nil {
		return err
	}
	select {
	case <-connected:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(startWithin):
		return errors.New("the listener did not connect")
	}
}

func listenerConnection(tracks int) (*webrtc.PeerConnection, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media))
	pc, err := api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{*cert}})
	if err != nil {
		return nil, err
	}
	for range tracks {
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return nil, errors.Join(err, pc.Close())
		}
	}
	return pc, nil
}

// negotiate asks by WHEP.
func negotiate(ctx context.Context, pc *webrtc.PeerConnection, at place, i int) error {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.whep(i), strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/sdp")
	if at.token != "" {
		req.Header.Set("Authorization", "Bearer "+at.token)
	}
	resp, err := at.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it is read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("WHEP: %s: %s", resp.Status, answer)
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

// close hangs up. The server learns of it by DTLS.
func (e *ears) close() error {
	var errs []error
	for _, pc := range e.pcs {
		errs = append(errs, pc.GracefulClose())
	}
	e.readers.Wait()
	return errors.Join(errs...)
}
