package ingest

import (
	"context"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// StreamInfo is what was negotiated for a stream.
type StreamInfo struct {
	ID       string
	Seat     string
	Tracks   []recorder.Track // sides, codec, channels
	LevelExt uint8            // id of the RFC 6464 header extension, the same in all tracks; 0 none
	// Types are the RTP payload types that are audio, a list a track. A track
	// without a list takes all.
	Types [][]uint8
}

// Stream is one live connection of a seat, as the floor sees it. The wire calls
// its methods from any goroutine; none of them waits for anything but the
// floor's loop.
type Stream struct {
	floor  *Floor
	id     string
	seat   *seat
	tracks []*Track
	kick   func(reason string)

	connected atomic.Bool
	rtt       atomic.Int64 // nanoseconds

	// What follows belongs to the floor's loop.
	since    time.Time
	cameUp   time.Time
	up       bool // has been connected or brought packets, and so has taken over
	began    bool // has brought packets
	spent    bool // its session's call was ended by somebody; it begins no other
	poor     poorLink
	detached bool
	seen     sighting
}

// Why a stream is kicked.
const (
	KickTakeover = "takeover"     // a newer stream took its place
	KickSeatGone = "seat_deleted" // its seat is no more
)

// Attach makes a stream known at its seat. Once it is connected, or its first
// packet comes, it takes over from older streams of the same sides: their kick
// is called, from a goroutine of the floor, which it must not block. Attach
// refuses nothing but an unknown seat (earshot.ErrNoSeat) and a closing floor
// (ErrClosing).
func (f *Floor) Attach(ctx context.Context, info StreamInfo, kick func(reason string)) (*Stream, error) {
	if _, ok := f.roster.find(ctx, info.Seat); !ok {
		return nil, earshot.ErrNoSeat
	}
	st := &Stream{floor: f, id: info.ID, kick: kick}
	fan := f.fanout(info.Seat)
	for i := range info.Tracks {
		st.tracks = append(st.tracks, newTrack(info, i, fan))
	}
	return ask(ctx, f, func(now time.Time) (*Stream, error) {
		s, err := f.seat(info.Seat)
		if err != nil {
			return nil, err
		}
		st.seat = s
		s.attach(now, st)
		return st, nil
	})
}

// Track is the stream's i-th track, in the order of StreamInfo.Tracks.
func (s *Stream) Track(i int) *Track { return s.tracks[i] }

// Connected tells whether ICE and DTLS stand.
func (s *Stream) Connected(yes bool) { s.connected.Store(yes) }

// Report tells the round-trip time that RTCP found.
func (s *Stream) Report(rtt time.Duration) { s.rtt.Store(int64(rtt)) }

// SenderReport tells the newest RTCP sender report of a track's source: its RTP
// time rtp was ntp on the sender's clock.
func (s *Stream) SenderReport(track int, ssrc uint32, ntp time.Time, rtp uint32) {
	s.tracks[track].report.Store(&senderReport{ssrc: ssrc, ntp: ntp, rtp: rtp})
}

// End says that the stream was ended on purpose (WHIP DELETE): a call that is a
// session ends at once. What was received before is still recorded.
func (s *Stream) End() { s.detach(true) }

// Break says that the stream is gone without a word: its call stays open for
// Options.ReconnectWithin.
func (s *Stream) Break() { s.detach(false) }

func (s *Stream) detach(onPurpose bool) {
	// An error means that the floor has closed, and then the stream is gone anyway.
	_, _ = ask(context.Background(), s.floor, func(now time.Time) (struct{}, error) {
		s.seat.detach(now, s, onPurpose)
		return struct{}{}, nil
	})
}

// sides are the sides the stream carries.
func (s *Stream) sides() []earshot.Side {
	var sides []earshot.Side
	for _, t := range s.tracks {
		if t.source.Track.Channels == 2 {
			return []earshot.Side{earshot.SideAgent, earshot.SideCustomer}
		}
		sides = append(sides, t.source.Track.Side)
	}
	return sides
}

// overlaps says whether the two streams carry a side in common.
func (s *Stream) overlaps(o *Stream) bool {
	for _, a := range s.tracks {
		for _, b := range o.tracks {
			if a.source.overlaps(b.source) {
				return true
			}
		}
	}
	return false
}

// silentFor is how long the stream has brought no packet.
func (s *Stream) silentFor(now time.Time) time.Duration {
	last := s.cameUp
	for _, t := range s.tracks {
		if t.last.After(last) {
			last = t.last
		}
	}
	return now.Sub(last)
}

// state is the stream as the wall shows it.
func (s *Stream) state(now time.Time) earshot.Stream {
	out := earshot.Stream{
		ID: s.id, Sides: s.sides(), Since: s.floor.shown(s.since),
		Connected: s.connected.Load() || s.began && s.silentFor(now) < stalledAfter,
	}
	for _, t := range s.tracks {
		out.Codec, out.Mixed = t.source.Track.Codec, t.source.Track.Mixed
	}
	link := s.link(now)
	out.LossPct = round(link.loss*100, 10)
	out.JitterMs = round(float64(link.jitter)/1e6, 1)
	out.RTTMs = round(float64(link.rtt)/1e6, 1)
	out.Quality = link.quality()
	return out
}

// round keeps 1/steps of a unit.
func round(v float64, steps int) float64 { return float64(int(v*float64(steps)+0.5)) / float64(steps) }
