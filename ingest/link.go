package ingest

import "time"

// link is how a stream's packets came in the last seconds, before anything was
// asked for again.
type link struct {
	packets int     // that were expected
	loss    float64 // 0 to 1
	jitter  time.Duration
	rtt     time.Duration // 0 where unknown
	poor    bool          // it is said to want a look
}

// quality is the number of connection bars: 0 unknown, 1 poor to 4 good.
func (l link) quality() int {
	switch {
	case l.packets == 0:
		return 0
	case l.poor:
		return 1
	case l.loss < 0.01 && l.jitter < 30*time.Millisecond && l.rtt < 200*time.Millisecond:
		return 4
	case l.loss < 0.03 && l.jitter < 60*time.Millisecond && l.rtt < 400*time.Millisecond:
		return 3
	case l.loss < 0.08 && l.jitter < 120*time.Millisecond && l.rtt < 800*time.Millisecond:
		return 2
	}
	return 1
}

// When a link is said to be poor. It must show within three seconds, so it is
// judged by fewer packets than the figures; and so that it does not flicker it
// must be clearly better for a while until it is said to be well.
const (
	poorOver    = 3    // seconds, the present one among them
	poorPackets = 25   // of fewer nothing is said
	poorLoss    = 0.06 // share
	poorJitter  = 120 * time.Millisecond
	poorRTT     = 800 * time.Millisecond
	wellLoss    = 0.03
	wellJitter  = 60 * time.Millisecond
	wellRTT     = 600 * time.Millisecond
	wellFor     = 5 * time.Second
)

// poorLink is whether a link is said to be poor, and since when it has not been.
type poorLink struct {
	said bool
	well time.Time // zero: it is not well
}

// judge takes a look at the link: soon is of the last poorOver seconds.
func (p *poorLink) judge(now time.Time, soon, long link) {
	bad := soon.packets >= poorPackets && soon.loss >= poorLoss || soon.jitter >= poorJitter || soon.rtt >= poorRTT
	well := long.loss < wellLoss && long.jitter < wellJitter && long.rtt < wellRTT
	switch {
	case bad:
		p.said, p.well = true, time.Time{}
	case !p.said:
	case !well:
		p.well = time.Time{}
	case p.well.IsZero():
		p.well = now
	case now.Sub(p.well) >= wellFor:
		p.said = false
	}
}

// judgeLink says anew whether the stream's link is poor.
func (s *Stream) judgeLink(now time.Time) { s.poor.judge(now, s.linkOver(now, poorOver), s.link(now)) }

// link is how the worst of the stream's tracks came in the last seconds.
func (s *Stream) link(now time.Time) link { return s.linkOver(now, statsWindow) }

func (s *Stream) linkOver(now time.Time, seconds int64) link {
	l := link{rtt: time.Duration(s.rtt.Load()), poor: s.poor.said}
	for _, t := range s.tracks {
		share, expected := t.stats.lossOver(now, seconds)
		l.packets += expected
		l.loss = max(l.loss, share)
		l.jitter = max(l.jitter, time.Duration(t.stats.jitter*float64(time.Second)))
	}
	return l
}
