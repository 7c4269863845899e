// Package seat is a WHIP client (RFC 9725): it plays the part of a counter
// window or a hotline position, from files or with packets it is given. The
// seat command, the demo, the tests and the bench use it.
//
// An Engine has what many seats share. A Publisher is one connection; it has
// one goroutine a track, which reads RTCP and ends when the connection closes,
// besides pion's own. A Client plays a Script over Publishers, one after
// another, in the goroutine that calls Run.
package seat

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"earshot"
)

// EngineOptions say how seats reach the network.
type EngineOptions struct {
	// Loopback offers addresses of this very machine too, for servers on it.
	Loopback bool
	// HTTP is used for WHIP; nil is a client with a timeout of 20 s.
	HTTP *http.Client
}

// Engine is what many seats share: one certificate and one configured API. Each
// seat has a UDP port of its own, because a server that has one port for all
// tells its peers apart by their addresses.
type Engine struct {
	api   *webrtc.API
	certs []webrtc.Certificate
	http  *http.Client
	owned *http.Transport // closed with the engine
}

// ICE is quicker than usual to notice that the server is gone: a seat that is
// deaf must know.
const (
	disconnectedAfter = 3 * time.Second
	failedAfter       = 6 * time.Second
	keepAliveEvery    = time.Second
)

// resendable is how many packets of a track are kept for a server that asks for
// them again: 10 s of 20 ms.
const resendable = 512

// NewEngine makes an engine; Close it when no seat uses it any more.
func NewEngine(opts EngineOptions) (*Engine, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the seats' key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make the seats' certificate: %w", err)
	}
	e := &Engine{certs: []webrtc.Certificate{*cert}, http: opts.HTTP}
	if e.http == nil {
		e.owned = http.DefaultTransport.(*http.Transport).Clone()
		e.http = &http.Client{Timeout: 20 * time.Second, Transport: e.owned}
	}
	var settings webrtc.SettingEngine
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetICETimeouts(disconnectedAfter, failedAfter, keepAliveEvery)
	settings.SetIncludeLoopbackCandidate(opts.Loopback)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	media, err := mediaEngine()
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	registry, err := interceptors()
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.api = webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry))
	return e, nil
}

// Close gives back what the engine holds. The seats must have been closed before.
func (e *Engine) Close() error {
	if e.owned != nil {
		e.owned.CloseIdleConnections()
	}
	return nil
}

// opusPT is the payload type of Opus, as browsers have it.
const opusPT = 111

// capability is a codec as pion names it. Two channels are in Opus's name
// whatever is sent; stereo says whether they are meant.
func capability(codec earshot.Codec, stereo bool) webrtc.RTPCodecParameters {
	nacks := []webrtc.RTCPFeedback{{Type: "nack"}}
	switch codec {
	case earshot.PCMU:
		return webrtc.RTPCodecParameters{PayloadType: 0, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000, RTCPFeedback: nacks}}
	case earshot.PCMA:
		return webrtc.RTPCodecParameters{PayloadType: 8, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000, RTCPFeedback: nacks}}
	}
	fmtp := "minptime=10;useinbandfec=1"
	if stereo {
		fmtp += ";stereo=1;sprop-stereo=1"
	}
	return webrtc.RTPCodecParameters{PayloadType: opusPT, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: fmtp, RTCPFeedback: nacks}}
}

func mediaEngine() (*webrtc.MediaEngine, error) {
	media := &webrtc.MediaEngine{}
	for _, codec := range []earshot.Codec{earshot.Opus, earshot.PCMU, earshot.PCMA} {
		if err := media.RegisterCodec(capability(codec, false), webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("register %s: %w", codec, err)
		}
	}
	for _, uri := range []string{sdp.AudioLevelURI, sdp.SDESMidURI} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("register %s: %w", uri, err)
		}
	}
	return media, nil
}

// interceptors send packets again that are asked for, agreed upon or not, and
// tell the sender's clock.
func interceptors() (*interceptor.Registry, error) {
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(resendable),
		nack.ResponderStreamsFilter(func(*interceptor.StreamInfo) bool { return true }))
	if err != nil {
		return nil, fmt.Errorf("prepare retransmission: %w", err)
	}
	reports, err := report.NewSenderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("prepare sender reports: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(responder)
	registry.Add(reports)
	return registry, nil
}
