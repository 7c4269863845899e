package ingest

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/ingest/recorder"
)

// whepBase is where people listen: whepBase + seat.
const whepBase = "/whep/"

var errNoWire = earshot.Fail(earshot.Unavailable, "no_wire", "this node takes no listeners")

// ServeListen answers WHEP requests on /whep/{seat} and on the resources below
// it. Who asks has been authorised before; who.Ended is called once for every
// listening that began, never for a request that was refused.
func (f *Floor) ServeListen(rw http.ResponseWriter, r *http.Request, who earshot.Listener) {
	w := f.wire.Load()
	if w == nil {
		(&Wire{opts: WireOptions{Log: f.log}}).refuse(rw, r, errNoWire)
		return
	}
	w.serve(rw, r, whepBase, &whep{wire: w, floor: f, who: who})
}

type whep struct {
	wire  *Wire
	floor *Floor
	who   earshot.Listener
}

func (p *whep) enter(_ *http.Request, seat string) (string, error) {
	_, err := p.floor.Seat(seat)
	return p.who.User, err
}

// owns hides a listener's resource from everybody else.
func (p *whep) owns(_ *http.Request, res *resource) error {
	if res.owner != p.who.User {
		return errGone
	}
	return nil
}

var (
	errNoHearCodec = earshot.Fail(earshot.Invalid, "no_codec", "the offer lacks the codec the seat sends, and nothing is re-encoded")
	errNoMixCodec  = earshot.Fail(earshot.Invalid, "no_mix_codec", "one m-line for two sides is mixed to G.711: offer PCMU/8000, or two m-lines, or ask for ?side=")
	errNotApart    = earshot.Fail(earshot.Conflict, "sides_not_apart", "the seat sends both sides in one track; leave side out")
)

// hearing is a listener's connection from offer to end.
type hearing struct {
	wire   *Wire
	floor  *Floor
	who    earshot.Listener
	res    *resource
	peer   *peer
	ear    *listener
	fan    *fanout // the seat's, or its mixer's
	mix    *mixer  // nil unless the sides are mixed for it; its users are counted
	stop   chan struct{}
	writer sync.WaitGroup
	call   string
	since  time.Time
}

func (p *whep) post(r *http.Request, seat, owner string, o *offer) (*resource, string, error) {
	if err := o.checkHearing(); err != nil {
		return nil, "", err
	}
	side, err := sideAsked(r, o)
	if err != nil {
		return nil, "", err
	}
	state, err := p.floor.Seat(seat)
	if err != nil {
		return nil, "", err
	}
	fan := p.floor.fanout(seat)
	plan, err := planHearing(o, side, fan.carried())
	if err != nil {
		return nil, "", err
	}
	peer, err := p.wire.newPeer(p.wire.hearers, o, plan.chosen, "recvonly")
	if err != nil {
		return nil, "", err
	}
	h := &hearing{wire: p.wire, floor: p.floor, who: p.who, peer: peer, fan: fan, stop: make(chan struct{}), since: p.wire.opts.Now()}
	if state.Call != nil {
		h.call = state.Call.ID
	}
	h.res = &resource{id: rand.Text(), seat: seat, owner: owner, base: whepBase, peer: peer, done: make(chan struct{})}
	h.res.finish = h.finish
	h.ear = newListener(plan, func() { p.wire.drop(h.res, endBroken) })
	if plan.mix != "" {
		if h.mix, err = p.wire.mixFor(seat, plan.mix, fan); err == nil {
			h.fan = h.mix.out
		}
	}
	var answer string
	if err == nil {
		answer, err = h.begin(r.Context())
	}
	if err != nil {
		h.who.Ended = nil // nothing was heard: it never began
		p.wire.drop(h.res, endBroken)
		return nil, "", err
	}
	return h.res, answer, nil
}

// hearPlan says what each m-line of a listener carries.
type hearPlan struct {
	lanes  []*lane
	chosen []offeredCodec
	alone  bool          // one lane, because the seat has one track
	mix    earshot.Codec // the sides' codec, where they have to be mixed for it
}

// planHearing plans by what the seat sends now.
func planHearing(o *offer, side earshot.Side, carried []*source) (hearPlan, error) {
	var plan hearPlan
	switch {
	case len(carried) == 0:
		return plan, earshot.ErrSeatOffline
	case len(o.media) == maxTracks:
		for i, want := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
			// A side that is not there yet will most likely come as the other did.
			track := recorder.Track{Side: want, Codec: carried[0].Track.Codec, Channels: 1}
			if j := indexOfSide(carried, want); j >= 0 {
				track = carried[j].Track
			}
			if err := plan.add(o, i, track); err != nil {
				return plan, err
			}
		}
		return plan, nil
	case side != "":
		j := indexOfSide(carried, side)
		switch {
		case carried[0].wide():
			return plan, errNotApart
		case j < 0:
			return plan, earshot.ErrSeatOffline
		}
		return plan, plan.add(o, 0, carried[j].Track)
	case len(carried) == 1:
		plan.alone = true
		return plan, plan.add(o, 0, carried[0].Track)
	}
	if carried[0].Track.Codec != carried[1].Track.Codec {
		return plan, errNoMixCodec
	}
	plan.mix = carried[0].Track.Codec
	if err := plan.add(o, 0, mixTrack); err != nil {
		return plan, errNoMixCodec
	}
	return plan, nil
}

func indexOfSide(sources []*source, side earshot.Side) int {
	return slices.IndexFunc(sources, func(s *source) bool { return s.Track.Side == side })
}

// add gives the offer's i-th m-line a track.
func (p *hearPlan) add(o *offer, i int, track recorder.Track) error {
	c, ok := o.media[i].find(track.Codec)
	if !ok {
		return errNoHearCodec
	}
	p.lanes = append(p.lanes, &lane{name: trackName(track), track: track})
	p.chosen = append(p.chosen, c.asStereo(track.Channels == 2))
	return nil
}

// trackName tells a listener's page what a track is: "stereo" has the agent
// left and the customer right.
func trackName(track recorder.Track) string {
	switch {
	case track.Channels == 2:
		return "stereo"
	case track.Mixed:
		return "mixed"
	default:
		return string(track.Side)
	}
}

// begin answers the offer and starts to listen.
func (h *hearing) begin(ctx context.Context) (string, error) {
	h.peer.mu.Lock()
	defer h.peer.mu.Unlock()
	if err := h.peer.take(h.addLanes); err != nil {
		return "", err
	}
	h.follow()
	answer, err := h.peer.answer(ctx, "sendonly")
	if err != nil {
		return "", err
	}
	h.writer.Go(func() { h.ear.run(h.stop) })
	h.fan.add(h.ear)
	if err := h.wire.keep(h.res); err != nil {
		return "", err
	}
	h.wire.tellListeners(h.floor, h.res.seat)
	return answer, nil
}

// addLanes gives each m-line of the offer its track.
func (h *hearing) addLanes() error {
	for _, l := range h.ear.lanes {
		sender, err := h.peer.pc.AddTrack(l)
		if err != nil {
			return errAnswer.Because(err)
		}
		h.peer.read(func() {
			// What a listener reports is of no use here, but must be read for
			// the connection to go on.
			buf := make([]byte, receiveBuffer)
			for {
				if _, _, err := sender.Read(buf); err != nil {
					return
				}
			}
		})
	}
	return nil
}

func (h *hearing) follow() {
	pc := h.peer.pc
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) {
		state := pc.ConnectionState() // handlers run in goroutines of their own: what counts is now
		h.ear.live.Store(state == webrtc.PeerConnectionStateConnected || state == webrtc.PeerConnectionStateDisconnected)
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			h.wire.drop(h.res, endBroken)
		}
	})
}

// finish ends the listening and tells how long audio was sent.
func (h *hearing) finish(ending) {
	h.fan.remove(h.ear)
	if h.mix != nil {
		h.wire.unmix(h.mix)
	}
	close(h.stop)
	if err := h.peer.close(); err != nil {
		h.wire.opts.Log.Debug("closing a listener's connection", "seat", h.res.seat, "err", err)
	}
	h.writer.Wait()
	h.wire.tellListeners(h.floor, h.res.seat)
	if dropped := h.ear.dropped.Load(); dropped > 0 {
		h.wire.opts.Log.Info("a listener did not keep up", "seat", h.res.seat, "user", h.who.User, "dropped", dropped)
	}
	if h.who.Ended != nil {
		h.who.Ended(earshot.Listened{Seat: h.res.seat, Call: h.call, Since: h.since, Heard: h.ear.heard})
	}
}

// tellListeners tells the floor who listens to the seat now.
func (w *Wire) tellListeners(f *Floor, seat string) {
	w.telling.Lock() // so that the floor hears of changes in their order
	defer w.telling.Unlock()
	users := []string{}
	for _, r := range w.resource.all() {
		if r.base == whepBase && r.seat == seat && !slices.Contains(users, r.owner) {
			users = append(users, r.owner)
		}
	}
	slices.Sort(users)
	f.listenersChanged(seat, users)
}
