package recorder

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/audio/levels"
)

// AppendState appends all that the recording knows but what its files have, so
// that Restore makes one that goes on with the same bytes. Levels that are
// settled go to their file first: the state does not grow with the call.
func (r *Recording) AppendState(dst []byte) []byte {
	if r.take != nil {
		for _, p := range r.take.parts {
			_ = p.layLevels(p.settled()) // what the file does not take stays in the state
		}
	}
	r.FreshMeters()
	c := coder{buf: dst}
	r.state(&c)
	return c.buf
}

// FreshMeters has the levels of packets that come without one measured as if
// nothing had come before: the measuring is no part of the state.
func (r *Recording) FreshMeters() {
	if r.take == nil {
		return
	}
	for _, l := range r.take.lanes {
		l.meter.decoder = nil
	}
}

// Restored is a recording made of a state, and what was wrong with its files.
type Restored struct {
	*Recording
	// Lost are the numbers of parts whose file is shorter than it was, or gone.
	// What follows is in a part of its own.
	Lost []int
}

// Restore makes a recording of a state and takes its files up again. It waits
// for the disk. Options are those of New; the reorder wait is the state's.
func Restore(state []byte, files Files, opts Options) (Restored, error) {
	r := &Recording{absent: map[earshot.Side]absent{}, known: map[earshot.Side]bool{}}
	r.desk = desk{files: files, results: &results{sealed: map[int]Sealed{}}, sealedPart: opts.SealedPart}
	c := coder{reading: true, buf: state}
	r.state(&c)
	if c.err == nil && len(c.buf) > 0 {
		c.fail("%d bytes too many", len(c.buf))
	}
	if c.err != nil {
		return Restored{}, c.err
	}
	out := Restored{Recording: r}
	out.takeUp()
	r.Earlier(PartLevels(files, r.call))
	return out, nil
}

// takeUp opens the files of all parts again, and completes those that had ended.
func (r *Restored) takeUp() {
	done := r.desk.done
	r.desk.done = nil
	for _, p := range done {
		if p.left.audio == nil {
			continue
		}
		if err := p.takeUp(); err != nil {
			r.Lost = append(r.Lost, p.facts.N)
			continue
		}
		r.desk.done = append(r.desk.done, p)
		if _, known := r.desk.results.get(p.facts.N); known {
			r.desk.sealLevels(p)
			continue
		}
		r.desk.seal(p, nil)
	}
	if r.take == nil {
		return
	}
	for i, p := range r.take.parts {
		if p.left.audio == nil {
			p.keepSteps([2][]byte{})
			continue
		}
		if err := p.takeUp(); err != nil {
			r.Lost = append(r.Lost, p.facts.N)
			r.take.parts[i] = p.sequel()
		}
	}
}

// takeUp opens the part's files again as its state says.
func (p *part) takeUp() error {
	file, err := p.desk.files.Resume(p.facts.File, *p.left.audio)
	if err != nil {
		return fmt.Errorf("take up %s: %w", p.facts.File, err)
	}
	p.file = file
	p.left.audio = nil
	if p.left.levels == nil {
		p.keepSteps([2][]byte{})
		return nil
	}
	state := *p.left.levels
	p.left.levels = nil
	before, file, err := p.takeUpLevels(state)
	if err != nil { // whoever asks for levels measures the audio
		p.unheard = true
	} else {
		p.levels = file
	}
	p.keepSteps(before)
	return nil
}

// takeUpLevels opens the levels file and reads the steps that were laid down.
func (p *part) takeUpLevels(state FileState) (steps [2][]byte, file File, err error) {
	if file, err = p.desk.files.Resume(p.levelsName(), state); err != nil {
		return steps, nil, err
	}
	all, err := file.Bytes()
	if err == nil {
		steps[0], steps[1], err = levels.Parse(all)
	}
	if err == nil && len(steps[0]) < p.laid {
		err = errors.New("steps are missing")
	}
	if err != nil {
		return steps, nil, errors.Join(err, file.Discard())
	}
	return steps, file, nil
}

// keepSteps puts the steps of before and those of the state together.
func (p *part) keepSteps(before [2][]byte) {
	for i := range p.steps {
		steps := slices.Grow([]byte(nil), p.laid+len(p.rest[i]))
		steps = append(steps, before[i][:min(p.laid, len(before[i]))]...)
		for len(steps) < p.laid {
			steps = append(steps, earshot.LevelGap)
		}
		p.steps[i] = levels.StepsOf(append(steps, p.rest[i]...))
		p.rest[i] = nil
	}
}

// sequel is a part that goes on where p, whose file is lost, had come to.
func (p *part) sequel() *part {
	next := newPart(p.desk, p.lanes, p.end)
	next.clock = p.clock
	return next
}

// PartLevels are the levels of the call's parts as their files have them. A part
// without such a file has none.
func PartLevels(files Files, call earshot.Call) earshot.Levels {
	var out stitched
	for _, p := range call.Parts {
		file, err := files.ReadWhole(earshot.LevelsFile(call.ID, p.N))
		if err != nil {
			continue
		}
		if agent, customer, err := levels.Parse(file); err == nil {
			out.add(p.StartMs, agent, customer)
		}
	}
	return out.levels(0)
}

// Earlier hands over the levels of the parts from before New.
func (r *Recording) Earlier(before earshot.Levels) {
	r.earlier = stitched{agent: before.Agent, customer: before.Customer}
}

// Harm says that records from one instant to another are lost: what is missing
// then is missing because of that, and the call is flagged.
func (r *Recording) Harm(from, to time.Time) {
	r.call.SetFlag(earshot.FlagDamaged)
	s := span{r.desk.at(from), r.desk.at(to)}
	r.harmed = append(r.harmed, s)
	if r.take == nil {
		return
	}
	for _, l := range r.take.lanes {
		l.harm(s)
	}
}

// harmSlack is how far packets may lie off the records that brought them.
const harmSlack = 5 * slot

func (l *lane) harm(s span) {
	off := l.delays.least()
	s = span{s.from - off - harmSlack, s.to - off + harmSlack}
	if n := len(l.harmed); n > 0 && s.from <= l.harmed[n-1].to { // in order and apart
		l.harmed[n-1].to = max(s.to, l.harmed[n-1].to)
		return
	}
	l.harmed = append(l.harmed, s)
}

// WaitSealed waits until no file of the recording is being sealed.
func (r *Recording) WaitSealed() { r.desk.results.sealing.Wait() }
