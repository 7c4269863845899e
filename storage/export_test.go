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

// KeepAtMost bounds how many bytes of converted recordings are kept.
func KeepAtMost(a *Archive, bytes int64) { a.playing.most = bytes }

// ForgetPlayable is what a deletion does with what was converted of a part.
func ForgetPlayable(a *Archive, part earshot.Part) error { return a.playing.forget(part) }
