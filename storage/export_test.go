package storage

import (
	"context"

	"earshot"
)

// OnStep has fn called after each step that a crash can follow; what it fails
// with ends what was being done there.
func (a *Archive) OnStep(fn func(what string) error) { a.step = fn }

// LookAtNight is what Nightly does each time it looks at the clock, from its
// start on.
func (a *Archive) LookAtNight(ctx context.Context, at earshot.DayTime) func() error {
	n := nights{archive: a, at: at}
	return func() error { return n.look(ctx) }
}

// Measure and WhyNoWaveform are for tests of files that no archive has.
var (
	Measure       = measure
	WhyNoWaveform = whyNoWaveform
)
