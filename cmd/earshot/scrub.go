package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"earshot"
	"earshot/storage"
	"earshot/storage/ledger"
)

// keepProblems makes the place for what is found wrong; it is there before
// anything is recovered.
func (a *app) keepProblems() {
	a.problems = storage.NewProblems(storage.ProblemOptions{Index: a.index, Files: a.files, Dir: a.settings.Data, Alarms: a.alarms, Now: a.now})
}

// scrubArchive starts the check of a share of the archive every night.
func (a *app) scrubArchive(ctx context.Context) error {
	l, _ := a.ledger.(*ledger.Ledger) // nil while it cannot be used
	a.scrub = storage.NewScrub(storage.ScrubOptions{
		Files: a.files, Ledger: l, Index: a.index, Problems: a.problems,
		At: a.settings.scrubAt, Location: a.settings.location, Share: a.settings.scrubShare, Rate: a.settings.scrubRate,
		Busy: a.diskBusy, Now: a.now, Log: a.log,
	})
	a.watch(ctx, a.scrub.Run)
	return nil
}

// diskBusy says whether recording needs all that the disk can do.
func (a *app) diskBusy() bool {
	return slices.ContainsFunc(a.alarms.List(), func(alarm earshot.Alarm) bool {
		return alarm.Code == earshot.AlarmDiskSlow || alarm.Code == earshot.AlarmDiskFailed
	})
}

// settleScrub checks the flags of the scrub.
func (s *settings) settleScrub() (err error) {
	if s.scrubAt, err = earshot.ParseDayTime(s.ScrubAt); err != nil {
		return fmt.Errorf("--scrub-at: %w", err)
	}
	number, isShare := strings.CutSuffix(strings.TrimSpace(s.ScrubShare), "%")
	percent, err := strconv.ParseFloat(number, 64)
	if err != nil || !isShare || !(percent > 0 && percent <= 100) {
		return fmt.Errorf("--scrub-share: a share of the archive, more than 0%% and at most 100%%, not %q", s.ScrubShare)
	}
	s.scrubShare = percent / 100
	rate, err := parseSize(s.ScrubRate)
	if err != nil {
		return fmt.Errorf("--scrub-rate: a size to read in a second, like 50MiB, not %q", s.ScrubRate)
	}
	s.scrubRate = rate
	return nil
}

// parseSize is a size in bytes, like 50MiB.
func parseSize(text string) (int64, error) {
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(strings.TrimSpace(text), u.name); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err == nil && n*u.bytes >= 1 && n*u.bytes < 1<<60 {
				return int64(n * u.bytes), nil
			}
		}
	}
	return 0, fmt.Errorf("no size: %q", text)
}
