package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"earshot"
	"earshot/audio/levels"
)

// Levels are the levels of a call over its timeline, put together from those of
// its parts; earshot.LevelGap where there are none. Parts that a crash left
// without levels are measured first, which takes time; until ctx ends.
// earshot.ErrNoCall.
func (a *Archive) Levels(ctx context.Context, id string) (earshot.Levels, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return earshot.Levels{}, err
	}
	found, why, err := a.levelsAndWhyNot(ctx, c)
	if err == nil {
		err = a.remarkWaveform(ctx, c, why)
	}
	return found, err
}

// levelsOf is Levels of a call at hand. The caller may hold the call's lock.
func (a *Archive) levelsOf(ctx context.Context, c earshot.Call) (earshot.Levels, error) {
	found, _, err := a.levelsAndWhyNot(ctx, c)
	return found, err
}

// levelsAndWhyNot answers, too, the remark that says why a part has none.
func (a *Archive) levelsAndWhyNot(ctx context.Context, c earshot.Call) (_ earshot.Levels, whyNot string, _ error) {
	line := newTimeline(c.DurationMs)
	for _, p := range c.Parts {
		if p.Track == earshot.TrackHelper {
			continue // what a supervisor said is not part of the conversation
		}
		agent, customer, err := a.partLevels(ctx, c.ID, p)
		if errors.Is(err, errUnmeasurable) {
			whyNot = cmp.Or(whyNot, whyNoWaveform(err))
		} else if err != nil {
			return earshot.Levels{}, "", err
		}
		line.lay(p.StartMs, agent, customer)
	}
	return earshot.Levels{StepMs: earshot.LevelStepMs, Agent: line.agent, Customer: line.customer}, whyNot, nil
}

// partLevels are the levels of one part. Where it has no levels file, or a
// damaged one, they are measured once and kept; errUnmeasurable where that is
// impossible, and none of a file that is gone: a call can be heard without its
// waveform.
func (a *Archive) partLevels(ctx context.Context, id string, p earshot.Part) (agent, customer []byte, err error) {
	if p.SHA256 == "" {
		return nil, nil, nil
	}
	name := earshot.LevelsFile(id, p.N)
	defer a.measuring.Lock(name)()
	file, err := a.files.ReadWhole(name)
	if err == nil {
		if agent, customer, err = levels.Parse(file); err == nil {
			return agent, customer, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	agent, customer, err = a.measurePart(ctx, p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("measure the levels of %s: %w", p.File, err)
	}
	if err := a.files.WriteWhole(name, levels.Append(nil, agent, customer)); err != nil {
		return nil, nil, fmt.Errorf("keep %s: %w", name, err)
	}
	return agent, customer, nil
}

func (a *Archive) measurePart(ctx context.Context, p earshot.Part) (agent, customer []byte, err error) {
	file, _, err := a.files.Open(p.File)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return measure(ctx, a.convert, p, file)
}

// timeline is a call's levels, a step each earshot.LevelStepMs.
type timeline struct{ agent, customer []byte }

func newTimeline(ms int64) *timeline {
	t := &timeline{agent: []byte{}, customer: []byte{}}
	t.extend(int((max(ms, 0) + earshot.LevelStepMs - 1) / earshot.LevelStepMs))
	return t
}

func (t *timeline) extend(steps int) {
	for len(t.agent) < steps {
		t.agent = append(t.agent, earshot.LevelGap)
		t.customer = append(t.customer, earshot.LevelGap)
	}
}

// lay puts a part's levels at startMs. Where parts overlap, as two files of one
// side each do, the louder counts.
func (t *timeline) lay(startMs int64, agent, customer []byte) {
	first := int((max(startMs, 0) + earshot.LevelStepMs/2) / earshot.LevelStepMs)
	t.extend(first + max(len(agent), len(customer)))
	for i, level := range agent {
		t.agent[first+i] = min(t.agent[first+i], level)
	}
	for i, level := range customer {
		t.customer[first+i] = min(t.customer[first+i], level)
	}
}
