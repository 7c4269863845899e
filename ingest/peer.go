package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"earshot"
)

// peer is one WebRTC connection, of a seat or of a listener. It owns the
// goroutines that read it; close waits for them.
type peer struct {
	pc        *webrtc.PeerConnection
	port      *udpPort
	direction string // of the client's m-lines: sendonly, recvonly

	mu         sync.Mutex // one negotiation at a time; guards what follows
	offer      *offer
	chosen     []offeredCodec
	version    int
	etag       string
	name       string   // our ufrag
	past       []string // ufrags of the client before its restarts
	candidates int

	reading sync.WaitGroup
	readMu  sync.Mutex // guards closed against a new reader
	closed  bool
	onRTT   atomic.Pointer[func(time.Duration)]

	ssrc       uint32       // ours, in RTCP
	receptions []*reception // of a seat's tracks; set before anything is on the network
}

// How much a client may ask of one connection.
const (
	maxCandidates = 128
	gatherWithin  = 5 * time.Second
	receiveBuffer = 1600 // bytes: one packet of an Ethernet frame
)

func (w *Wire) newPeer(api *webrtc.API, o *offer, chosen []offeredCodec, direction string) (*peer, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{w.cert},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("making a connection: %w", err)
	}
	return &peer{pc: pc, port: w.port, direction: direction, offer: o, chosen: chosen, etag: newTag(), ssrc: mathrand.Uint32()}, nil
}

// newTag is a strong entity tag.
func newTag() string { return `"` + rand.Text() + `"` }

// take gives the offer to the connection; before says what to do between the
// offer and the answer. Nothing is on the network yet.
func (p *peer) take(before func() error) error {
	p.version++
	text := p.offer.canonical(p.chosen, p.direction, p.version)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: text}); err != nil {
		return errAnswer.Because(err)
	}
	if before == nil {
		return nil
	}
	return before()
}

// answer makes the answer, with all our candidates in it, and starts the
// connection. want is the direction of our m-lines.
func (p *peer) answer(ctx context.Context, want string) (string, error) {
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", errAnswer.Because(err)
	}
	if _, err := finishAnswer(answer.SDP, want); err != nil {
		return "", err
	}
	p.rename(answer.SDP)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", errAnswer.Because(err)
	}
	for _, c := range p.offer.candidates {
		p.addCandidate(c)
	}
	wait := time.NewTimer(gatherWithin)
	defer wait.Stop()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("the client left: %w", ctx.Err())
	case <-wait.C:
		return "", errors.New("no candidates of ours within the time")
	}
	return finishAnswer(p.pc.LocalDescription().SDP, want)
}

// rename tells the port our ufrag of this answer, in place of that of the last.
func (p *peer) rename(answer string) {
	before := p.name
	_, rest, _ := strings.Cut(answer, "a=ice-ufrag:")
	p.name, _, _ = strings.Cut(rest, "\r\n")
	p.port.name(p.name)
	if before != "" {
		p.port.unname(before)
	}
}

// addCandidate hands a candidate on. One that is of no use (a name only the
// client's network knows, a protocol not spoken here) is passed over: clients
// send what they have, and the connection may come about through another.
func (p *peer) addCandidate(value string) {
	if p.candidates >= maxCandidates {
		return
	}
	p.candidates++
	first := uint16(0)
	// The error only says that this candidate is of no use.
	_ = p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: "candidate:" + value, SDPMLineIndex: &first})
}

var (
	errStaleUfrag = earshot.Fail(earshot.Conflict, "stale_ufrag", "the fragment is of ICE credentials that were replaced")
	errHalfFrag   = earshot.Fail(earshot.Invalid, "bad_fragment", "an ICE restart needs both a=ice-ufrag and a=ice-pwd")
)

// patch takes a fragment: candidates of the present credentials, or with new
// ones an ICE restart, whose answering fragment it returns.
func (p *peer) patch(ctx context.Context, f *fragment) (reply, etag string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.ufrag == "" && f.pwd == "" || f.ufrag == p.offer.ufrag && (f.pwd == "" || f.pwd == p.offer.pwd) {
		for _, c := range f.candidates {
			p.addCandidate(c)
		}
		return "", "", nil
	}
	switch {
	case slices.Contains(p.past, f.ufrag):
		return "", "", errStaleUfrag
	case !validCredential(f.ufrag, 4) || !validCredential(f.pwd, 22):
		return "", "", errHalfFrag
	}
	return p.restart(ctx, f)
}

func (p *peer) restart(ctx context.Context, f *fragment) (reply, etag string, err error) {
	before := *p.offer
	now := before
	now.ufrag, now.pwd, now.candidates = f.ufrag, f.pwd, f.candidates
	p.offer, p.candidates = &now, 0
	want := "recvonly"
	if p.direction == "recvonly" {
		want = "sendonly"
	}
	if err := p.take(nil); err != nil {
		p.offer = &before
		return "", "", err
	}
	answer, err := p.answer(ctx, want)
	if err != nil {
		return "", "", err
	}
	p.past = append(p.past, before.ufrag)
	p.etag = newTag()
	reply, err = fragmentOf(answer)
	return reply, p.etag, err
}

// tag is the present entity tag.
func (p *peer) tag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.etag
}

// read runs fn as one of the peer's readers, unless the peer is closed.
func (p *peer) read(fn func()) {
	p.readMu.Lock()
	defer p.readMu.Unlock()
	if !p.closed {
		p.reading.Go(fn)
	}
}

// readTrack hands each packet of a track to receive until the track ends.
func readTrack(track *webrtc.TrackRemote, receive func(packet []byte)) {
	buf := make([]byte, receiveBuffer)
	for {
		n, _, err := track.Read(buf)
		switch {
		case err == nil:
			receive(buf[:n])
		case ended(err):
			return
		}
		// Anything else is about one packet: a payload type nobody offered.
	}
}

// ended tells the end of a track from a packet that is no good.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}

// readRTCP reads a receiver's RTCP until it ends. report is told of sender
// reports.
func readRTCP(receiver *webrtc.RTPReceiver, report func(*rtcp.SenderReport)) {
	buf := make([]byte, receiveBuffer)
	for {
		n, _, err := receiver.Read(buf)
		if err != nil {
			return
		}
		senderReports(buf[:n], report)
	}
}

// senderReports tells report of those in a compound packet.
func senderReports(compound []byte, report func(*rtcp.SenderReport)) {
	packets, err := rtcp.Unmarshal(compound)
	if err != nil {
		return // a malformed compound says nothing to us
	}
	for _, packet := range packets {
		if sr, ok := packet.(*rtcp.SenderReport); ok {
			report(sr)
		}
	}
}

// ntpTime is the instant of a 64-bit NTP timestamp (RFC 5905, era 0).
func ntpTime(ntp uint64) time.Time {
	const from1900 = 2208988800
	ns := (ntp & 0xffffffff) * uint64(time.Second) >> 32
	return time.Unix(int64(ntp>>32)-from1900, int64(ns))
}

// feedBack asks for what is missing of the peer's tracks, and with reports says
// how they come.
func (p *peer) feedBack(now time.Time, reports bool) {
	var packets []rtcp.Packet
	var report rtcp.ReceiverReport
	for _, r := range p.receptions {
		if ask := r.ask(p.ssrc, now); ask != nil {
			packets = append(packets, ask)
		}
		if reports {
			if one, ok := r.report(now); ok {
				report.Reports = append(report.Reports, one)
			}
		}
	}
	// A failure to write is the connection's, whose state ends the peer.
	if len(report.Reports) > 0 {
		report.SSRC = p.ssrc
		_ = p.pc.WriteRTCP([]rtcp.Packet{&report})
	}
	if len(packets) > 0 {
		_ = p.pc.WriteRTCP(packets)
	}
}

// reportRTT tells who asked for it how far away the client is, if it is known.
func (p *peer) reportRTT() {
	tell := p.onRTT.Load()
	if tell == nil {
		return
	}
	ice := p.pc.SCTP().Transport().ICETransport()
	stats, ok := ice.GetSelectedCandidatePairStats()
	if !ok || stats.CurrentRoundTripTime <= 0 {
		return
	}
	rtt := time.Duration(stats.CurrentRoundTripTime * float64(time.Second))
	(*tell)(rtt)
	for _, r := range p.receptions {
		r.roundTrip(rtt)
	}
}

// close ends the connection and waits for all that read it. It must not be
// called by one of them, nor by a callback of the connection.
func (p *peer) close() error {
	p.readMu.Lock()
	p.closed = true
	p.readMu.Unlock()
	err := p.pc.GracefulClose()
	p.reading.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.port.unname(p.name)
	return err
}
