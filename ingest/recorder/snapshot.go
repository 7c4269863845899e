package recorder

import (
	"errors"
	"io"
	"slices"
	"time"

	"earshot"
)

// Snapshot is a complete, finite file of part n so far: all that is older than
// at, in which what is still missing is silent. n 0 is the only part there is.
// The recording is not disturbed. The file waits for the disk as it is read, which
// another goroutine may do, at any time, and no more of it is in memory than is
// asked for.
func (r *Recording) Snapshot(at time.Time, n int) (audio *io.SectionReader, mediaType string, err error) {
	all := r.all()
	if n == 0 {
		if len(all)+len(r.call.Parts) > 1 {
			return nil, "", earshot.ErrManyParts
		}
		if len(all) == 1 {
			n = all[0].facts.N
		}
	}
	i := slices.IndexFunc(all, func(p *part) bool { return p.facts.N == n })
	if i < 0 {
		return nil, "", earshot.ErrNoPart
	}
	p := all[i]
	file := p.file
	if r.take != nil && slices.Contains(r.take.parts, p) {
		if file, err = snapshot(p, r.desk.at(at)); err != nil {
			return nil, "", err
		}
	}
	return io.NewSectionReader(file, 0, file.State().Bytes), p.facts.AudioType(), nil
}

// snapshot ends a copy of the part at the time now.
func snapshot(p *part, now int64) (File, error) {
	lanes := make([]*lane, len(p.lanes))
	limit := forever
	for i, l := range p.lanes {
		lanes[i] = l.clone()
		limit = min(limit, l.expected(now))
	}
	c, m := p.clone(lanes, limit)
	for _, l := range lanes {
		l.close(now, earshot.CauseStalled)
	}
	if err := c.pull(); err != nil && !errors.Is(err, errApart) {
		return nil, err
	}
	c.buf = c.mux.finish(c.buf)
	if err := c.flush(); err != nil {
		return nil, err
	}
	for _, patch := range c.mux.patches() {
		if err := m.Patch(patch.Offset, patch.Bytes); err != nil {
			return nil, err
		}
	}
	return m, nil
}
