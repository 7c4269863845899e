package ingest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/ingest/recorder"
)

// whipBase is where seats publish: whipBase + seat.
const whipBase = "/whip/"

// WHIP answers the requests of seats (RFC 9725) on /whip/, brings what they
// send to f, and lets f's listeners hear by this wire. f closes the wire when
// it closes itself.
func (w *Wire) WHIP(f *Floor) http.Handler {
	f.wire.Store(w)
	f.beforeClose(func(context.Context) error { return w.Close() })
	p := &whip{wire: w, floor: f}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, whipBase, p) })
}

type whip struct {
	wire  *Wire
	floor *Floor
}

// enter wants the seat's own token. Cookies count for nothing here.
func (p *whip) enter(r *http.Request, seat string) (string, error) {
	if _, err := p.floor.Seat(seat); err != nil {
		return "", err
	}
	token := bearer(r)
	if of, ok := p.floor.SeatOfToken(token); token == "" || !ok || of != seat {
		return "", earshot.ErrBadToken
	}
	return earshot.HashToken(token), nil
}

// owns lets in the token that made the resource even if it was replaced since,
// or any other of the seat.
func (p *whip) owns(r *http.Request, res *resource) error {
	if hash := earshot.HashToken(bearer(r)); subtle.ConstantTimeCompare([]byte(hash), []byte(res.owner)) == 1 {
		return nil
	}
	_, err := p.enter(r, res.seat)
	return err
}

// publication is a seat's connection from offer to end.
type publication struct {
	wire    *Wire
	res     *resource
	peer    *peer
	stream  atomic.Pointer[Stream] // once attached; a newer one may end the publication before that
	stopped atomic.Bool
	sources atomic.Int32 // that have sent so far
	lines   []pubLine    // a track each; set before anything is on the network
}

// maxSources is how many SSRCs a connection may go through; each costs two
// goroutines until it ends.
const maxSources = 64

func (p *whip) post(r *http.Request, seat, owner string, o *offer) (*resource, string, error) {
	if err := o.checkSending(); err != nil {
		return nil, "", err
	}
	side, err := sideAsked(r, o)
	if err != nil {
		return nil, "", err
	}
	info, chosen, err := planTracks(o, side)
	if err != nil {
		return nil, "", err
	}
	info.ID, info.Seat = earshot.NewID(p.wire.opts.Now()), seat
	peer, err := p.wire.newPeer(p.wire.seats, o, chosen, "sendonly")
	if err != nil {
		return nil, "", err
	}
	pub := &publication{wire: p.wire, peer: peer, lines: make([]pubLine, len(o.media))}
	for i := range pub.lines {
		pub.lines[i].ssrc = o.media[i].ssrc
		pub.lines[i].unpacker = unpacker{red: uint8(chosen[i].red), audio: uint8(chosen[i].pt)}
	}
	pub.res = &resource{id: rand.Text(), seat: seat, owner: owner, base: whipBase, peer: peer, done: make(chan struct{})}
	pub.res.finish = pub.finish
	answer, err := pub.begin(r.Context(), p.floor, info)
	if err != nil {
		p.wire.drop(pub.res, endBroken)
		return nil, "", err
	}
	return pub.res, answer, nil
}

// planTracks says which track each m-line is, and in which codec.
func planTracks(o *offer, side earshot.Side) (StreamInfo, []offeredCodec, error) {
	codec, err := o.common()
	if err != nil {
		return StreamInfo{}, nil, err
	}
	info := StreamInfo{LevelExt: uint8(o.media[0].levelExt)}
	chosen := make([]offeredCodec, 0, len(o.media))
	for i := range o.media {
		c, _ := o.media[i].find(codec) // common has found it in all
		track := recorder.Track{Side: earshot.SideAgent, Codec: codec, Channels: 1}
		switch {
		case i == 1:
			track.Side = earshot.SideCustomer
		case len(o.media) == maxTracks:
		case side != "":
			track.Side = side
		case c.stereo():
			track.Channels = 2
		default:
			track.Mixed = true
		}
		chosen = append(chosen, c.asStereo(track.Channels == 2))
		info.Tracks = append(info.Tracks, track)
		info.Types = append(info.Types, []uint8{uint8(c.pt)})
	}
	return info, chosen, nil
}

// begin takes the offer, tells the floor, and answers. From then on the peer's
// callbacks drive the publication.
func (pub *publication) begin(ctx context.Context, f *Floor, info StreamInfo) (string, error) {
	pub.peer.mu.Lock()
	defer pub.peer.mu.Unlock()
	if err := pub.peer.take(nil); err != nil {
		return "", err
	}
	stream, err := f.Attach(ctx, info, func(string) { pub.wire.drop(pub.res, endKicked) })
	if err != nil {
		return "", err
	}
	pub.stream.Store(stream)
	pub.follow()
	answer, err := pub.peer.answer(ctx, "recvonly")
	if err != nil {
		return "", err
	}
	return answer, pub.wire.keep(pub.res)
}

// follow has the peer's tracks and states reach the stream.
func (pub *publication) follow() {
	pc, stream := pub.peer.pc, pub.stream.Load()
	tell := stream.Report
	pub.peer.onRTT.Store(&tell)
	for i, t := range stream.tracks {
		line := &pub.lines[i]
		line.n, line.track = i, t
		line.reception.rate = float64(t.source.Track.Codec.ClockRate())
		pub.peer.receptions = append(pub.peer.receptions, &line.reception)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		if pub.sources.Add(1) > maxSources {
			pub.wire.opts.Log.Warn("a seat changes its source all the time; it has to connect again", "seat", pub.res.seat)
			pub.wire.drop(pub.res, endBroken)
			return
		}
		src := &pubSource{ssrc: uint32(track.SSRC())}
		pub.peer.read(func() { pub.readTrack(track, src) })
		pub.peer.read(func() {
			readRTCP(receiver, func(sr *rtcp.SenderReport) {
				line := src.line.Load()
				if line == nil || sr.SSRC != src.ssrc {
					return
				}
				line.reception.senderReport(sr.NTPTime, pub.wire.opts.Now())
				stream.SenderReport(line.n, sr.SSRC, ntpTime(sr.NTPTime), sr.RTPTime)
			})
		})
	})
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) {
		// Handlers run in goroutines of their own: what counts is the state now.
		switch pc.ConnectionState() {
		case webrtc.PeerConnectionStateConnected:
			stream.Connected(true)
		case webrtc.PeerConnectionStateDisconnected:
			stream.Connected(false)
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			stream.Connected(false)
			pub.wire.drop(pub.res, endBroken)
		}
	})
}

// closeSlowly is when a connection's closing is worth a line in the log.
const closeSlowly = 2 * time.Second

// finish ends the stream first, so that a call ends the moment its seat says
// so, then the connection.
func (pub *publication) finish(how ending) {
	pub.stopped.Store(true)
	if stream := pub.stream.Load(); stream != nil {
		if how == endDeleted {
			stream.End()
		} else {
			stream.Break()
		}
	}
	began := time.Now()
	if err := pub.peer.close(); err != nil {
		pub.wire.opts.Log.Debug("closing a seat's connection", "seat", pub.res.seat, "err", err)
	}
	if took := time.Since(began); took > closeSlowly {
		pub.wire.opts.Log.Warn("a seat's connection was slow to close", "seat", pub.res.seat, "took", took)
	}
}
