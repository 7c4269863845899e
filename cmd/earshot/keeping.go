package main

import (
	"context"
	"errors"
	"iter"
	"sync"

	"earshot"
	"earshot/storage"
	"earshot/storage/ledger"
)

// recordsLedger is what the parts of a server need of the ledger.
type recordsLedger interface {
	storage.Ledger
	storage.PackageLedger
	Fingerprint() string
	WitnessStates() []ledger.WitnessState
}

// openLedger opens the ledger. One that does not fit, or cannot be written, keeps
// nobody from speaking: recording goes on, the wall says what is the matter, and
// what needs the ledger (a hold, a deletion) fails until it is mended.
func (a *app) openLedger(context.Context) error {
	l, err := ledger.Open(a.settings.Data, ledger.Options{
		Name: a.settings.ledgerName, Now: a.now, Log: a.log, Alarms: a.alarms, Witnesses: a.openWitnesses(),
	})
	if err != nil {
		a.log.Error("the ledger cannot be used", "err", err)
		a.alarms.From("start").Raise(earshot.AlarmLedger, earshot.Critical, a.now(), earshot.AsError(err).Text)
		a.ledger = awayLedger{earshot.Fail(earshot.Unavailable, "ledger_away", "the ledger cannot be used").Because(err)}
		return nil
	}
	a.ledger = l
	a.atEnd(func(context.Context) error { return l.Close() })
	return nil
}

// keep starts the notary and retention. They end behind the floor, so that calls
// which end with it are in the ledger, too.
func (a *app) keep(context.Context) error {
	ctx, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.archive.Notarise(ctx) })
	running.Go(func() { a.archive.Nightly(ctx, a.settings.retentionAt) })
	a.atEnd(func(ctx context.Context) error {
		end()
		running.Wait()
		// What is left over is done at the next start.
		if err := a.archive.NotariseOnce(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			a.log.Warn("the notary left something for the next start", "err", err)
		}
		return nil
	})
	return nil
}

// awayLedger stands for a ledger that cannot be used, and says why.
type awayLedger struct{ why error }

func (l awayLedger) Append(context.Context, ...ledger.Entry) (int64, error) { return 0, l.why }
func (l awayLedger) Size() int64                                            { return 0 }
func (l awayLedger) Entries(context.Context, int64) iter.Seq2[ledger.Numbered, error] {
	return func(yield func(ledger.Numbered, error) bool) { yield(ledger.Numbered{}, l.why) }
}
func (l awayLedger) Head() ledger.Head                          { return ledger.Head{} }
func (l awayLedger) Sign(context.Context) (ledger.Head, error)  { return ledger.Head{}, l.why }
func (l awayLedger) Prove(int64, int64) ([][32]byte, error)     { return nil, l.why }
func (l awayLedger) ProveTree(int64, int64) ([][32]byte, error) { return nil, l.why }
func (l awayLedger) Entry(int64) (ledger.Entry, []byte, error)  { return ledger.Entry{}, nil, l.why }
func (l awayLedger) Receipts() ([]ledger.Receipt, error)        { return nil, l.why }
func (l awayLedger) Witnessed(int64) ([]ledger.Receipt, error)  { return nil, l.why }
func (l awayLedger) Keys() []ledger.Key                         { return nil }
func (l awayLedger) Fingerprint() string                        { return "" }
func (l awayLedger) WitnessStates() []ledger.WitnessState       { return nil }
