package main

import (
	"context"
	"fmt"
	"slices"

	"earshot"
	"earshot/ingest"
	"earshot/storage/files"
)

// recoverCalls stores what a crash left, before anything is recorded: first what
// the journal tells of, up to the last packet, then what can be made of the
// unfinished files that it does not know. What cannot be recovered stays on the
// disk for the next start, and keeps nobody from speaking now; what waits for the
// index alone is recovered once that is there.
func (a *app) recoverCalls(ctx context.Context) error {
	journal, err := a.files.OpenJournal(files.JournalOptions{})
	if err != nil {
		return fmt.Errorf("--data %s: %w", a.settings.Data, err)
	}
	a.atEnd(func(context.Context) error { return journal.Close() })
	a.journal = ingest.DiskJournal(journal)
	a.replayed, err = ingest.Replay(ctx, ingest.ReplayOptions{
		Node: a.settings.Node, Journal: a.journal, Files: ingest.Disk(a.files), Shelf: a.archive, SaveAll: a.archive.SaveCalls,
		Mend:   func(call earshot.Call) (earshot.Call, error) { return a.archive.Recover(ctx, call) },
		Alarms: a.alarms, Log: a.log, Now: a.now,
	})
	if err != nil {
		a.log.Error("the journal could not be read: what files have is recovered", "err", err)
	}
	left, err := a.archive.Left()
	if err != nil {
		return fmt.Errorf("--data %s: %w", a.settings.Data, err)
	}
	calls, err := a.archive.RecoverAll(ctx, a.settings.Node)
	a.tellRecovered(calls, err)
	if err != nil && earshot.AsError(err).Kind == earshot.Unavailable {
		a.late = append(a.late, a.lateRecovery(left))
	}
	return nil
}

func (a *app) tellRecovered(calls []earshot.Call, err error) {
	if err != nil {
		a.log.Error("not all that a crash left could be recovered", "err", err)
	}
	for _, call := range calls {
		a.log.Warn("a call was interrupted when this node ended", "call", call.ID, "seat", call.Seat)
	}
}

// lateRecovery makes whole what a crash left and nobody but its files knows of,
// once the index is there to say so. Calls of the journal are brought back
// already, and may be open again.
func (a *app) lateRecovery(left []string) lateJob {
	for _, call := range a.replayed.Calls() {
		left = slices.DeleteFunc(left, func(id string) bool { return id == call.ID })
	}
	return func(ctx context.Context) bool {
		calls, err := a.archive.RecoverLeft(ctx, a.settings.Node, left)
		if ended(ctx, err) {
			return true // they are found at the next start
		}
		a.tellRecovered(calls, err)
		return err == nil || earshot.AsError(err).Kind != earshot.Unavailable
	}
}
