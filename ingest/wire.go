package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"earshot"
)

// Wire is how audio comes in and goes out: WebRTC connections of seats and of
// listeners on one UDP port and one ICE-TCP port. It knows the floor only by
// Attach and by what a Stream takes; whatever else reads packets off a network
// can stand in its place, as long as it calls Track.Receive.
//
// Its goroutines: the readers of the two ports (end with Close); per
// connection one reader a track and one for its RTCP, for a listener one
// writer and one RTCP reader a track (end when the connection closes); one
// that sends RTCP for all connections of seats (ends with Close); and a short
// one for each connection that is being closed. Close waits for all.
type Wire struct {
	opts     WireOptions
	seats    *webrtc.API // connections of seats
	hearers  *webrtc.API // connections of listeners
	cert     webrtc.Certificate
	port     *udpPort
	udp      *ice.UDPMuxDefault
	tcp      *ice.TCPMuxDefault
	udpAddr  net.Addr
	tcpAddr  net.Addr
	servers  atomic.Pointer[[]ICEServer]
	resource resources
	mixing   mixers
	telling  sync.Mutex // held while the floor is told who listens

	stop     chan struct{}
	closing  atomic.Bool
	wg       sync.WaitGroup
	closeErr error
	once     sync.Once
}

// WireOptions says where a Wire listens.
type WireOptions struct {
	UDP        string      // address of the UDP port all connections share; port 0 takes any
	TCP        string      // address for ICE over TCP; "" is none
	PublicIP   string      // address under which both are reached from outside; "" is none
	ICEServers []ICEServer // told to clients in Link headers
	MaxPeers   int         // connections at once, seats and listeners together; 0 is 4000
	Log        *slog.Logger
	Now        func() time.Time
}

// ICEServer is a STUN or TURN server that clients are told of.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// How connections are watched over.
const (
	pingEvery     = time.Second
	goneAfter     = 2400 * time.Millisecond // a seat that is gone must show within 3 s
	failedAfter   = 15 * time.Second        // after that; the connection is closed then
	replayWindow  = 2048                    // packets of a source: what was asked for again (askWindow) must not pass for a replay
	rttEvery      = 2 * time.Second
	tcpReadBuffer = 64 // packets
	tcpWriteBytes = 64 << 10
	maxPeers      = 4000
)

// NewWire opens the ports.
func NewWire(opts WireOptions) (*Wire, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxPeers == 0 {
		opts.MaxPeers = maxPeers
	}
	if opts.PublicIP != "" && net.ParseIP(opts.PublicIP) == nil {
		return nil, earshot.Fail(earshot.Invalid, "bad_public_ip", "the public address %q is no IP address", opts.PublicIP)
	}
	w := &Wire{opts: opts, stop: make(chan struct{})}
	w.resource.byID = map[string]*resource{}
	w.mixing.bySeat = map[string]*mixer{}
	w.SetICEServers(opts.ICEServers)
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.wg.Go(w.tend)
	return w, nil
}

func (w *Wire) open() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the DTLS key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return fmt.Errorf("making the DTLS certificate: %w", err)
	}
	w.cert = *cert
	engine, err := w.engine()
	if err != nil {
		return err
	}
	if w.seats, err = newAPI(engine, seatInterceptors, append(slices.Clone(codecs), redParameters)); err != nil {
		return err
	}
	w.hearers, err = newAPI(engine, hearerInterceptors, codecs)
	return err
}

// engine opens the ports and sets what all connections have in common.
func (w *Wire) engine() (webrtc.SettingEngine, error) {
	logs := pionLogs{w.opts.Log}
	e := webrtc.SettingEngine{LoggerFactory: logs}
	addr, err := net.ResolveUDPAddr("udp", w.opts.UDP)
	if err != nil {
		return e, fmt.Errorf("reading the UDP address: %w", err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return e, fmt.Errorf("opening the UDP port: %w", err)
	}
	// Bursts of many seats wait here while the reader is off the processor. A
	// smaller buffer than asked for is no failure: the system has a limit.
	_ = conn.SetReadBuffer(4 << 20)
	_ = conn.SetWriteBuffer(4 << 20)
	w.udpAddr = conn.LocalAddr()
	w.port = newUDPPort(conn)
	w.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: w.port, Logger: logs.NewLogger("udp")})
	w.port.forget = w.udp.RemoveConnByUfrag // not needed before a connection is named
	e.SetICEUDPMux(w.udp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if w.opts.TCP != "" {
		l, err := net.Listen("tcp", w.opts.TCP)
		if err != nil {
			return e, fmt.Errorf("opening the ICE-TCP port: %w", err)
		}
		w.tcpAddr = l.Addr()
		w.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: l, Logger: logs.NewLogger("tcp"), ReadBufferSize: tcpReadBuffer, WriteBufferSize: tcpWriteBytes,
		})
		e.SetICETCPMux(w.tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	e.SetNetworkTypes(networks)
	e.SetIncludeLoopbackCandidate(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.DisableActiveTCP(true)
	e.SetICETimeouts(goneAfter, failedAfter, pingEvery)
	e.SetSRTPReplayProtectionWindow(replayWindow)
	e.SetFireOnTrackBeforeFirstRTP(true)
	if w.opts.PublicIP != "" {
		err = e.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: []string{w.opts.PublicIP}, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteAppend,
		})
	}
	return e, err
}

func newAPI(engine webrtc.SettingEngine, intercept func(*interceptor.Registry) error, codecs []webrtc.RTPCodecParameters) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	for _, c := range codecs {
		if err := media.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("registering %s: %w", c.MimeType, err)
		}
	}
	level := webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}
	if err := media.RegisterHeaderExtension(level, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("registering the audio level: %w", err)
	}
	registry := &interceptor.Registry{}
	if err := intercept(registry); err != nil {
		return nil, fmt.Errorf("making interceptors: %w", err)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry)), nil
}

// codecs are what can be recorded, with the payload types of an offer of ours;
// an answer takes the client's.
var codecs = []webrtc.RTPCodecParameters{
	codecParameters(earshot.Opus, 111), codecParameters(earshot.PCMU, 0), codecParameters(earshot.PCMA, 8),
}

// redParameters are of RED, which is taken from seats.
var redParameters = webrtc.RTPCodecParameters{
	RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/red", ClockRate: 48000, Channels: 2, SDPFmtpLine: "111/111"}, PayloadType: 63,
}

func codecParameters(codec earshot.Codec, payloadType int) webrtc.RTPCodecParameters {
	c := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	switch codec {
	case earshot.PCMU:
		c = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}
	case earshot.PCMA:
		c = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}
	}
	return webrtc.RTPCodecParameters{RTPCodecCapability: c, PayloadType: webrtc.PayloadType(payloadType)}
}

// seatInterceptors are none: what RTCP needs to know of a seat's tracks their
// readers note themselves (reception), at a fraction of the cost.
func seatInterceptors(*interceptor.Registry) error { return nil }

// hearerInterceptors send sender reports; a listener's lost packets are lost.
func hearerInterceptors(r *interceptor.Registry) error {
	reports, err := report.NewSenderInterceptor()
	if err != nil {
		return err
	}
	r.Add(reports)
	return nil
}

// UDPAddr is where the UDP port is.
func (w *Wire) UDPAddr() net.Addr { return w.udpAddr }

// TCPAddr is where the ICE-TCP port is, nil if there is none.
func (w *Wire) TCPAddr() net.Addr { return w.tcpAddr }

// ICEServers are the servers clients are told of.
func (w *Wire) ICEServers() []ICEServer { return *w.servers.Load() }

// SetICEServers replaces the servers clients are told of.
func (w *Wire) SetICEServers(servers []ICEServer) { w.servers.Store(&servers) }

// tend asks all seats for what is missing, reports how they are received, and
// tells streams how far away their peers are.
func (w *Wire) tend() {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		now := w.opts.Now()
		for _, r := range w.resource.all() {
			r.peer.feedBack(now, n%int(reportEvery/askEvery) == 0)
			if n%int(rttEvery/askEvery) == 0 {
				r.peer.reportRTT()
			}
		}
	}
}

// Close closes all connections, then the ports, and waits until no goroutine
// of the wire is left. Streams of seats break; a call may go on elsewhere.
func (w *Wire) Close() error {
	w.once.Do(func() {
		w.closing.Store(true)
		close(w.stop)
		for _, r := range w.resource.all() {
			w.drop(r, endBroken)
		}
		w.wg.Wait()
		if w.tcp != nil {
			w.closeErr = errors.Join(w.closeErr, w.tcp.Close())
		}
		if w.udp != nil {
			w.closeErr = errors.Join(w.closeErr, w.udp.Close())
		}
	})
	return w.closeErr
}
