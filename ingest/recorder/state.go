package recorder

import (
	"cmp"
	"slices"
	"time"

	"earshot"
)

// stateVersion is what a state begins with. A state of another version is
// refused: the call is then mended from its file.
const stateVersion = 1

// The methods below show every field of their struct to a coder, which writes
// or reads them. A test fails when a struct gets a field that none shows.

func (r *Recording) state(c *coder) {
	version := stateVersion
	if num(c, &version); version != stateVersion {
		c.fail("version %d", version)
		return
	}
	asJSON(c, &r.call)
	r.desk.state(c)
	present(c, &r.take, func(t *take) {
		t.desk = &r.desk
		t.state(c)
	})
	table(c, &r.absent, cmp.Compare, func(side *earshot.Side, a *absent) {
		text(c, side)
		a.state(c)
	})
	table(c, &r.known, cmp.Compare, func(side *earshot.Side, known *bool) {
		text(c, side)
		c.flag(known)
	})
	spans(c, &r.pauses)
	spans(c, &r.harmed)
	c.flag(&r.paused)
	num(c, &r.last)
	c.flag(&r.ended)
}

func (a *absent) state(c *coder) {
	num(c, &a.from)
	text(c, &a.cause)
	num(c, &a.opened)
	num(c, &a.left)
}

func spans(c *coder, list_ *[]span) {
	list(c, list_, func(s *span) {
		num(c, &s.from)
		num(c, &s.to)
	})
}

func (d *desk) state(c *coder) {
	text(c, &d.call)
	text(c, &d.seat)
	text(c, &d.software)
	instant(c, &d.epoch)
	num(c, &d.wait)
	d.gaps.state(c)
	d.stats.state(c)
	num(c, &d.parts)
	d.results.state(c)
	list(c, &d.done, func(p **part) {
		if c.reading {
			*p = &part{desk: d, limit: forever}
		}
		(*p).state(c)
	})
}

// instant is a time to the nanosecond, in UTC.
func instant(c *coder, t *time.Time) {
	c.saw(t)
	if ns := c.varint(t.UnixNano()); c.reading {
		*t = time.Unix(0, ns).UTC()
	}
}

func (r *results) state(c *coder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table(c, &r.sealed, cmp.Compare, func(n *int, s *Sealed) {
		num(c, n)
		text(c, &s.SHA256)
		num(c, &s.Bytes)
	})
}

func (s *Stats) state(c *coder) {
	for _, n := range []*uint64{&s.Packets, &s.Lost, &s.Late, &s.Duplicate, &s.Garbage, &s.Stray, &s.Overflow} {
		num(c, n)
	}
}

func (g *gapList) state(c *coder) {
	var before int64
	list(c, &g.gaps, func(gap *earshot.Gap) {
		word(c, &gap.Side, bothSides)
		word(c, &gap.Cause, causes)
		start, long := gap.StartMs-before, gap.EndMs-gap.StartMs
		num(c, &start)
		num(c, &long)
		gap.StartMs = before + start
		gap.EndMs = gap.StartMs + long
		before = gap.StartMs
	})
	order := func(a, b gapKey) int { return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.cause, b.cause)) }
	table(c, &g.last, order, func(k *gapKey, i *int) {
		text(c, &k.side)
		text(c, &k.cause)
		if num(c, i); *i < 0 || *i >= len(g.gaps) {
			c.fail("gap %d of %d", *i, len(g.gaps))
			*i = 0
		}
	})
	num(c, &g.apart)
}

// causes are those of gaps, in the order of their numbers in a state.
var causes = []earshot.Cause{
	earshot.CauseLost, earshot.CauseStalled, earshot.CauseDrift, earshot.CauseMuted, earshot.CausePaused,
	earshot.CauseDisconnected, earshot.CauseOverflow, earshot.CauseRecorderDown, earshot.CauseDamaged,
}

// word is a text that is one of a few, as a rule.
func word[T ~string](c *coder, v *T, known []T) {
	n := slices.Index(known, *v)
	num(c, &n)
	if n < 0 || n >= len(known) {
		text(c, v)
		return
	}
	*v = known[n]
}

func (t *take) state(c *coder) {
	num(c, &t.bound)
	num(c, &t.start)
	c.flag(&t.begun)
	c.flag(&t.ended)
	list(c, &t.lanes, func(l **lane) {
		var track Track
		if !c.reading {
			track = (*l).track
		}
		track.state(c)
		if c.reading {
			if !validTracks([]Track{track}) {
				c.fail("a track %+v", track)
				track = Track{Mixed: true, Codec: earshot.Opus}
			}
			*l = newLane(track, t.desk.wait, &t.desk.gaps, &t.desk.stats)
		}
		(*l).state(c)
	})
	list(c, &t.parts, func(p **part) {
		if c.reading {
			*p = &part{desk: t.desk, limit: forever}
		}
		t.lanesOf(c, *p)
		(*p).state(c)
	})
	t.drift.state(c)
}

// lanesOf shows which of the take's lanes go into the part.
func (t *take) lanesOf(c *coder, p *part) {
	c.saw(&p.lanes)
	mask := 0
	for i, l := range t.lanes {
		for _, own := range p.lanes {
			if own == l {
				mask |= 1 << i
			}
		}
	}
	num(c, &mask)
	if !c.reading {
		return
	}
	for i, l := range t.lanes {
		if mask&(1<<i) != 0 {
			p.lanes = append(p.lanes, l)
		}
	}
	if len(p.lanes) == 0 {
		c.fail("a part without lanes")
	}
	p.row = make([]unit, len(p.lanes))
}

func (t *Track) state(c *coder) {
	text(c, &t.Side)
	c.flag(&t.Mixed)
	text(c, &t.Codec)
	num(c, &t.Channels)
}

func (d *drift) state(c *coder) {
	num(c, &d.looked)
	c.flag(&d.based)
	num(c, &d.base)
	c.flag(&d.told)
}

func (r *report) state(c *coder) {
	c.flag(&r.known)
	num(c, &r.ssrc)
	num(c, &r.ntp)
	num(c, &r.ts)
}

func (k *clock) state(c *coder) {
	c.flag(&k.based)
	num(c, &k.base)
	num(c, &k.moved)
	num(c, &k.at)
}

func (l *lane) state(c *coder) {
	num(c, &l.wait)
	l.fit.state(c)
	c.flag(&l.started)
	c.flag(&l.begun)
	c.flag(&l.spoke)
	num(c, &l.first)
	c.flag(&l.closed)
	l.source.state(c)
	present(c, &l.after, func(s *source) { s.state(c) })
	list(c, &l.pending, func(p *packet) { p.state(c) })
	list(c, &l.held, func(p *packet) { p.state(c) })
	l.delays.state(c)
	num(c, &l.cursor)
	num(c, &l.heard)
	text(c, &l.missing)
	num(c, &l.overflow)
	spans(c, &l.pauses)
	spans(c, &l.harmed)
	for i := range l.mute {
		num(c, &l.mute[i])
	}
	l.report.state(c)
	num(c, &l.slipDue)
	l.out.state(c)
}

func (s *source) state(c *coder) {
	num(c, &s.ssrc)
	num(c, &s.seq)
	num(c, &s.ts)
	num(c, &s.next)
	num(c, &s.origin)
	num(c, &s.rate)
}

func (p *packet) state(c *coder) {
	num(c, &p.arrival)
	num(c, &p.ssrc)
	num(c, &p.seq)
	num(c, &p.ts)
	num(c, &p.level)
	num(c, &p.right)
	c.bytes(&p.payload)
}

func (d *delays) state(c *coder) {
	for i := range d.mins {
		num(c, &d.mins[i])
		c.flag(&d.known[i])
	}
	num(c, &d.newest)
	num(c, &d.count)
	num(c, &d.best)
}

func (q *units) state(c *coder) {
	waiting := q.list[q.head:]
	list(c, &waiting, func(u *unit) { u.state(c) })
	c.saw(&q.list)
	c.saw(&q.head)
	if c.reading {
		q.list, q.head = waiting, 0
	}
}

func (u *unit) state(c *coder) {
	num(c, &u.samples)
	c.bytes(&u.data)
	num(c, &u.level)
	num(c, &u.right)
	c.flag(&u.odd)
}

func (f *opusFit) state(c *coder) {
	c.flag(&f.stereo)
	c.flag(&f.free)
	list(c, &f.pieces, func(p *piece) {
		c.bytes(&p.data)
		num(c, &p.samples)
	})
	num(c, &f.have)
	num(c, &f.level)
	num(c, &f.right)
}

func (f *g711Fit) state(c *coder) {
	c.bytes(&f.buf)
	c.flag(&f.audio)
	num(c, &f.level)
	num(c, &f.right)
}

func (p *part) state(c *coder) {
	asJSON(c, &p.facts)
	c.flag(&p.combined)
	num(c, &p.start)
	num(c, &p.end)
	num(c, &p.silence)
	num(c, &p.told)
	c.bytes(&p.buf)
	num(c, &p.written)
	c.flag(&p.broken)
	p.clock.state(c)
	p.stateOfSteps(c)
	p.stateOfFiles(c)
}

// stateOfSteps shows how many steps of levels the levels file has, and the rest.
func (p *part) stateOfSteps(c *coder) {
	c.saw(&p.steps)
	num(c, &p.laid)
	for i := range p.steps {
		var rest []byte
		if steps := p.steps[i].Bytes(); !c.reading && len(steps) > p.laid {
			rest = steps[p.laid:]
		}
		c.bytes(&rest)
		if c.reading {
			p.rest[i] = rest
		}
	}
	c.saw(&p.rest)
}

// stateOfFiles shows how far the part's files have come, and what its muxer
// holds back; the files themselves are taken up again by Restore.
func (p *part) stateOfFiles(c *coder) {
	c.saw(&p.file)
	c.saw(&p.levels)
	c.saw(&p.left)
	c.saw(&p.mux)
	audio, steps := p.fileStates()
	show := func(s *FileState) { s.state(c) }
	present(c, &audio, show)
	present(c, &steps, show)
	c.flag(&p.unheard)
	if c.reading {
		p.left.audio, p.left.levels = audio, steps
	}
	if audio == nil {
		return
	}
	if c.reading {
		mux, err := p.newMuxer(p.facts.File, p.facts.N)
		if err != nil {
			c.fail("part %d: %v", p.facts.N, err)
			return
		}
		p.mux = mux
	}
	p.mux.state(c)
}

func (s *FileState) state(c *coder) {
	num(c, &s.Bytes)
	c.bytes(&s.Sum)
	c.flag(&s.Resum)
}

func (m *oggMuxer) state(c *coder) {
	num(c, &m.granule)
	num(c, &m.page)
	c.saw(&m.w)
	var text []byte
	if !c.reading {
		text = m.w.AppendState(nil)
	}
	if c.bytes(&text); c.reading && c.err == nil {
		if err := m.w.SetState(text); err != nil {
			c.fail("%v", err)
		}
	}
}

func (m *wavMuxer) state(c *coder) {
	num(c, &m.bytes)
	c.bytes(&m.waiting)
}
