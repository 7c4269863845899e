package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"earshot"
	"earshot/audio/levels"
)

// Levels are the levels of a call over its timeline, put together from those of
// its parts; earshot.LevelGap where there are none. earshot.ErrNoCall.
func (a *Archive) Levels(ctx context.Context, id string) (earshot.Levels, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return earshot.Levels{}, err
	}
	line := newTimeline(c.DurationMs)
	for _, p := range c.Parts {
		if p.Track == earshot.TrackHelper {
			continue // what a supervisor said is not part of the conversation
		}
		agent, customer, err := a.partLevels(id, p.N)
		if err != nil {
			return earshot.Levels{}, err
		}
		line.lay(p.StartMs, agent, customer)
	}
	return earshot.Levels{StepMs: earshot.LevelStepMs, Agent: line.agent, Customer: line.customer}, nil
}

// partLevels are the levels of one part; none where it has no levels file, or a
// damaged one: a call can be heard without its waveform.
func (a *Archive) partLevels(id string, n int) (agent, customer []byte, err error) {
	file, err := a.files.ReadWhole(earshot.LevelsFile(id, n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the levels of part %d of call %s: %w", n, id, err)
	}
	agent, customer, err = levels.Parse(file)
	if errors.Is(err, levels.ErrNotLevels) {
		return nil, nil, nil
	}
	return agent, customer, err
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
