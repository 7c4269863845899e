package main

import (
	"context"
	"fmt"

	"earshot"
	"earshot/ingest"
	"earshot/storage/files"
)

// recoverCalls stores what a crash left, before anything is recorded: first what
// the journal tells of, up to the last packet, then what can be made of the
// unfinished files that it does not know. What cannot be recovered stays on the
// disk for the next start, and keeps nobody from speaking now.
func (a *app) recoverCalls(ctx context.Context) error {
	journal, err := a.files.OpenJournal(files.JournalOptions{})
	if err != nil {
		return fmt.Errorf("--data %s: %w", a.settings.Data, err)
	}
	a.atEnd(func(context.Context) error { return journal.Close() })
	a.journal = ingest.DiskJournal(journal)
	a.replayed, err = ingest.Replay(ctx, ingest.ReplayOptions{
		Node: a.settings.Node, Journal: a.journal, Files: ingest.Disk(a.files), Shelf: a.archive,
		Mend:   func(call earshot.Call) (earshot.Call, error) { return a.archive.Recover(ctx, call) },
		Alarms: a.alarms, Log: a.log, Now: a.now,
	})
	if err != nil {
		a.log.Error("the journal could not be read: what files have is recovered", "err", err)
	}
	calls, err := a.archive.RecoverAll(ctx, a.settings.Node)
	if err != nil {
		a.log.Error("not all that a crash left could be recovered", "err", err)
	}
	for _, call := range calls {
		a.log.Warn("a call was interrupted when this node ended", "call", call.ID, "seat", call.Seat)
	}
	return nil
}
