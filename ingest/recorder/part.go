package recorder

import (
	"errors"
	"fmt"

	"earshot"
	"earshot/audio/levels"
)

// mostUnwritten is how much a file that refuses writes may fall behind: an hour
// and more of a two-track call.
const mostUnwritten = 16 << 20

// mostAppended is how much a file is given at once: one that has caught up takes
// a piece, never all that has waited for hours.
const mostAppended = 1 << 20

// part is one file while it is made, of one lane or of two combined.
type part struct {
	desk     *desk
	facts    earshot.Part // N is 0 until there is audio
	lanes    []*lane
	combined bool // of two lanes
	mux      muxer
	file     File
	levels   File  // of the steps that are settled; nil where none could be begun
	start    int64 // on the call's timeline
	end      int64 // so far
	limit    int64 // nothing beyond goes in: a snapshot's
	silence  int64 // how much waits to be filled before the next audio that is written
	told     int64 // until where the file has it all
	buf      []byte
	written  int64 // bytes that the file took
	broken   bool  // the file fell too far behind
	steps    [2]levels.Steps
	laid     int       // steps that the levels file has
	unheard  bool      // steps of before are not to be had: whoever asks measures the file
	rest     [2][]byte // steps behind those that are laid, of a state that is being read
	left     fileStates
	clock    clock
	row      []unit
}

// fileStates are how far the files of a part have come: one that is finished, or
// one whose state was read.
type fileStates struct{ audio, levels *FileState }

// newPart begins a part at the place start.
func newPart(d *desk, lanes []*lane, start int64) *part {
	track := lanes[0].track
	p := &part{desk: d, lanes: lanes, combined: len(lanes) == 2, start: start, end: start, told: start, limit: forever, row: make([]unit, len(lanes))}
	p.facts = earshot.Part{Codec: track.Codec, Channels: max(len(lanes), track.Channels), StartMs: start / milli, Clock: []earshot.ClockPoint{}}
	switch {
	case len(lanes) == 2 || track.stereo():
		p.facts.Track = earshot.TrackBoth
	case track.Mixed:
		p.facts.Track = earshot.TrackMixed
	case track.Side == earshot.SideCustomer:
		p.facts.Track = earshot.TrackCustomer
	default:
		p.facts.Track = earshot.TrackAgent
	}
	return p
}

// errApart says that the next units cannot be combined.
var errApart = errors.New("the sides keep no common slots")

// pull takes what the lanes have ready into the file.
func (p *part) pull() error {
	var failed error
	for p.end < p.limit && p.ready() {
		for i, l := range p.lanes {
			if l.out.len() == 0 { // closed: the other side goes on
				p.row[i] = unit{samples: slot, level: earshot.LevelGap, right: earshot.LevelGap}
				continue
			}
			if len(p.lanes) > 1 && l.out.first().odd {
				return errors.Join(failed, errApart)
			}
		}
		for i, l := range p.lanes {
			if l.out.len() > 0 {
				p.row[i] = l.out.pop()
			}
		}
		if err := p.write(p.row); err != nil {
			failed = err
		}
		for i, l := range p.lanes {
			l.spare.recycle(p.row[i].data)
			p.row[i] = unit{}
		}
	}
	return failed
}

// ready says whether every lane has its next unit, or has ended before the other.
func (p *part) ready() bool {
	some := false
	for _, l := range p.lanes {
		if l.out.len() == 0 && !l.closed {
			return false
		}
		some = some || l.out.len() > 0
	}
	return some
}

// write adds one unit of each lane.
func (p *part) write(row []unit) error {
	n, audio := row[0].samples, false
	ms := (p.end - p.start) / milli
	for i, u := range row {
		audio = audio || u.data != nil
		p.measure(p.lanes[i], u, ms)
	}
	p.end += n
	if p.file == nil {
		if !audio {
			p.silence += n
			return nil
		}
		if err := p.create(); err != nil {
			p.silence += n
			p.overflow(n)
			return err
		}
	}
	if p.broken {
		if err := p.flush(); err != nil {
			p.silence += n
			p.overflow(n)
			return err
		}
	}
	p.fill()
	p.buf = p.mux.add(p.buf, row)
	return p.flush()
}

// measure notes a unit's levels.
func (p *part) measure(l *lane, u unit, ms int64) {
	for c, side := range l.sides {
		level, i := u.level, 0
		if c == 1 {
			level = u.right
		}
		if side == earshot.SideCustomer {
			i = 1
		}
		p.steps[i].Add(ms, u.samples/milli, level)
	}
}

// overflow notes that the file did not take the last n samples.
func (p *part) overflow(n int64) {
	for _, l := range p.lanes {
		l.gap(span{p.end - n, p.end}, earshot.CauseOverflow)
	}
}

// mostTaken is how many numbers of parts in a row may be taken by files that a
// crash left and nobody could complete.
const mostTaken = 8

// create makes the file, now that there is audio for it.
func (p *part) create() error {
	n := p.desk.parts + 1
	name, file, err := p.createAs(n)
	for last := n + mostTaken; taken(err) && n < last; {
		n++
		name, file, err = p.createAs(n)
	}
	if err != nil {
		return fmt.Errorf("begin %s: %w", name, err)
	}
	mux, err := p.newMuxer(name, n)
	if err != nil {
		return errors.Join(err, file.Discard())
	}
	p.desk.parts = n
	p.file, p.mux, p.facts.N, p.facts.File = file, mux, n, name
	p.buf = p.mux.begin(p.buf)
	p.beginLevels()
	return nil
}

// taken says whether a file could not be made because there is one.
func taken(err error) bool { return err != nil && earshot.AsError(err).Kind == earshot.Conflict }

func (p *part) createAs(n int) (name string, file File, err error) {
	name = earshot.PartFile(p.desk.call, n, p.facts.Codec)
	file, err = p.desk.files.Create(name)
	return name, file, err
}

// fill adds filler for the time of which nothing was written.
func (p *part) fill() {
	for p.silence > 0 {
		row := make([]unit, len(p.lanes))
		size := fillerSize(p.silence)
		for i := range row {
			row[i].samples = size
		}
		p.buf = p.mux.add(p.buf, row)
		p.silence -= size
	}
}

func (p *part) newMuxer(name string, n int) (muxer, error) {
	if p.facts.Codec != earshot.Opus {
		return newWAVMuxer(p.facts.Codec, p.facts.Channels)
	}
	start := p.desk.epoch.Add(duration(p.start)).UTC().Format("2006-01-02T15:04:05.000Z")
	return newOggMuxer(name, p.combined, p.facts.Channels, []string{
		"ENCODER=" + p.desk.software,
		"DATE=" + start,
		"EARSHOT_CALL=" + p.desk.call,
		fmt.Sprintf("EARSHOT_PART=%d", n),
		"EARSHOT_SEAT=" + p.desk.seat,
		"EARSHOT_START=" + start,
	}), nil
}

// flush hands the bytes made so far to the file. What it does not take is tried
// again with the next.
func (p *part) flush() error {
	rest := p.buf
	for len(rest) > 0 {
		n := min(len(rest), mostAppended)
		if err := p.file.Append(rest[:n]); err != nil {
			if len(rest) < len(p.buf) {
				p.buf = append(p.buf[:0], rest...)
			}
			p.broken = len(p.buf) > mostUnwritten
			return fmt.Errorf("write %s: %w", p.facts.File, err)
		}
		p.written += int64(n)
		rest = rest[n:]
	}
	p.buf, p.broken, p.told = p.buf[:0], false, p.end
	return nil
}

// now is the part's facts so far.
func (p *part) now() earshot.Part {
	facts := p.facts
	facts.DurationMs = (p.end - p.start) / milli
	facts.Clock = append([]earshot.ClockPoint{}, p.facts.Clock...)
	return facts
}

// finish writes the rest of the file and seals it. Without audio there is none.
func (p *part) finish() error {
	if p.file == nil {
		return nil
	}
	p.clock.finish(p)
	p.facts = p.now()
	if p.broken && p.flush() == nil { // a failure shows again below
		p.fill()
	}
	p.buf = p.mux.finish(p.buf)
	failed := p.flush()
	if failed != nil { // what waited is not in the file
		p.overflow(p.end - p.told)
	}
	for _, patch := range p.mux.patches() {
		failed = errors.Join(failed, p.file.Patch(patch.Offset, patch.Bytes))
	}
	for i := range p.steps {
		p.steps[i].Extend(p.facts.DurationMs)
	}
	p.left.audio = new(FileState)
	*p.left.audio = p.file.State()
	p.desk.seal(p, failed)
	return failed
}

// clone is a part that goes its own way from here, in memory. p has a file.
func (p *part) clone(lanes []*lane, limit int64) (*part, *memory) {
	c := *p
	c.lanes, c.limit, c.row = lanes, limit, make([]unit, len(lanes))
	c.facts.Clock = append([]earshot.ClockPoint{}, p.facts.Clock...)
	c.steps, c.levels = [2]levels.Steps{}, nil
	m := &memory{file: p.file, size: p.written}
	c.file, c.mux = m, p.mux.clone()
	c.buf = append([]byte(nil), p.buf...)
	return &c, m
}
