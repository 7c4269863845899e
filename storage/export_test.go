package storage

import (
	"context"
	"io"
	"os"
	"runtime"

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

// TakeTurns keeps all that is to be converted waiting.
func TakeTurns(a *Archive) (giveBack func()) {
	for range cap(a.playing.turns) {
		a.playing.turns <- struct{}{}
	}
	return func() {
		for range cap(a.playing.turns) {
			<-a.playing.turns
		}
	}
}

// OpenPlayable is what becomes of a request for a part once the call was found.
func OpenPlayable(ctx context.Context, a *Archive, part earshot.Part) (*os.File, error) {
	return a.playing.open(ctx, part, func() (io.ReadSeekCloser, error) { return a.openPart(part) })
}

// AwaitConversion waits until somebody waits for something to be converted.
func AwaitConversion(a *Archive) {
	for p := a.playing; ; runtime.Gosched() {
		p.mu.Lock()
		n := len(p.making)
		p.mu.Unlock()
		if n > 0 {
			return
		}
	}
}
