package seat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"earshot"
)

// Track is what one audio m-line carries.
type Track struct {
	Codec    earshot.Codec
	Channels int // 2: stereo, agent left, customer right (Opus only)
}

// ErrDisconnected means that a connection that stood has ended.
var ErrDisconnected = errors.New("the connection to the server is lost")

// Publisher is one standing WHIP connection.
type Publisher struct {
	engine   *Engine
	target   Target
	pc       *webrtc.PeerConnection
	tracks   []*webrtc.TrackLocalStaticRTP
	levelID  []uint8 // of each track's level extension; 0 if it was not agreed upon
	location string

	up      chan struct{} // closed once connected
	down    chan struct{} // closed once it has ended
	upOnce  sync.Once
	endOnce sync.Once
	readers sync.WaitGroup
}

// Publish connects: offer, answer, ICE and DTLS. It returns when audio can be
// sent. The first of two tracks is the agent's.
func (e *Engine) Publish(ctx context.Context, target Target, tracks []Track) (*Publisher, error) {
	pc, err := e.api.NewPeerConnection(webrtc.Configuration{Certificates: e.certs, BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return nil, fmt.Errorf("prepare a connection: %w", err)
	}
	p := &Publisher{engine: e, target: target, pc: pc, up: make(chan struct{}), down: make(chan struct{})}
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			p.upOnce.Do(func() { close(p.up) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			p.endOnce.Do(func() { close(p.down) })
		}
	})
	if err := p.connect(ctx, tracks); err != nil {
		if p.location != "" {
			// Best effort: the server times such a connection out by itself.
			err = errors.Join(err, e.remove(context.WithoutCancel(ctx), target, p.location))
		}
		return nil, errors.Join(err, p.Abandon())
	}
	return p, nil
}

func (p *Publisher) connect(ctx context.Context, tracks []Track) error {
	for i, t := range tracks {
		if err := p.addTrack(i, t); err != nil {
			return err
		}
	}
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	answer, location, err := p.engine.post(ctx, p.target, p.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	p.location = location
	if err := accepted(answer, len(tracks)); err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("take the answer: %w", err)
	}
	p.findExtensions()
	select {
	case <-p.up:
		return nil
	case <-p.down:
		return fmt.Errorf("no audio reaches the server: %w", ErrDisconnected)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trackNames are what the two sides' tracks are called, for those who debug.
var trackNames = [...]string{"agent", "customer"}

func (p *Publisher) addTrack(i int, t Track) error {
	codec := capability(t.Codec, t.Channels == 2)
	track, err := webrtc.NewTrackLocalStaticRTP(codec.RTPCodecCapability, trackNames[i%2], "earshot")
	if err != nil {
		return fmt.Errorf("make a track: %w", err)
	}
	tr, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return fmt.Errorf("add a track: %w", err)
	}
	if err := tr.SetCodecPreferences([]webrtc.RTPCodecParameters{codec}); err != nil {
		return fmt.Errorf("choose %s: %w", t.Codec, err)
	}
	p.tracks = append(p.tracks, track)
	p.readers.Go(func() {
		// Interceptors see RTCP only while somebody reads it.
		buf := make([]byte, 1500)
		for {
			if _, _, err := tr.Sender().Read(buf); err != nil {
				return
			}
		}
	})
	return nil
}

// accepted says whether the answer takes all of so many m-lines.
func accepted(answer string, tracks int) error {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return fmt.Errorf("the answer is no SDP: %w", err)
	}
	if len(d.MediaDescriptions) != tracks {
		return fmt.Errorf("the answer has %d m-lines for %d tracks", len(d.MediaDescriptions), tracks)
	}
	for i, m := range d.MediaDescriptions {
		if m.MediaName.Port.Value == 0 {
			return fmt.Errorf("the server refuses the %s track", trackNames[i%2])
		}
	}
	return nil
}

func (p *Publisher) findExtensions() {
	p.levelID = make([]uint8, len(p.tracks))
	for i, s := range p.pc.GetSenders() {
		for _, ext := range s.GetParameters().HeaderExtensions {
			if ext.URI == sdp.AudioLevelURI {
				p.levelID[i] = uint8(ext.ID)
			}
		}
	}
}

// WriteRTP sends one packet on a track (0 is the first m-line) as it is, save
// for SSRC and payload type, which the connection sets. The packet is not kept.
// Errors after the connection's end are ErrDisconnected.
func (p *Publisher) WriteRTP(track int, packet *rtp.Packet) error {
	select {
	case <-p.down:
		return ErrDisconnected
	default:
	}
	if err := p.tracks[track].WriteRTP(packet); err != nil {
		return fmt.Errorf("send on track %d: %w", track, err)
	}
	return nil
}

// SetLevel puts the RFC 6464 level (0 to 127) into a packet to be sent on the
// track, if the server agreed to that.
func (p *Publisher) SetLevel(track int, packet *rtp.Packet, level uint8) error {
	if p.levelID[track] == 0 {
		return nil
	}
	// The upper bit says that it may be speech.
	voice := byte(0)
	if level < 100 {
		voice = 0x80
	}
	if err := packet.SetExtension(p.levelID[track], []byte{voice | level&0x7f}); err != nil {
		return fmt.Errorf("say the level: %w", err)
	}
	return nil
}

// Done is closed when the connection has ended, by Close or without.
func (p *Publisher) Done() <-chan struct{} { return p.down }

// Location is the connection's URL at the server.
func (p *Publisher) Location() string { return p.location }

// Close tells the server that the stream ends (DELETE), then closes the
// connection. When it returns no goroutine of the connection is left.
func (p *Publisher) Close(ctx context.Context) error {
	return errors.Join(p.engine.remove(ctx, p.target, p.location), p.Abandon())
}

// Abandon closes the connection without telling the server by HTTP, as a device
// that is switched off.
func (p *Publisher) Abandon() error {
	err := p.pc.GracefulClose()
	p.endOnce.Do(func() { close(p.down) })
	p.readers.Wait()
	if err != nil {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}

// String names the seat for logs.
func (p *Publisher) String() string {
	return strings.TrimSuffix(p.target.Seat+"?side="+string(p.target.Side), "?side=")
}
