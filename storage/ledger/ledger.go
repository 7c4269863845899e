package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"earshot"
)

// Options of a ledger; the zero value of each field has a default.
type Options struct {
	Name      string           // of the site, as in heads: earshot/<Name>; kept from the first start on ("earshot")
	Now       func() time.Time // what time it is for what is written (time.Now)
	Log       *slog.Logger     // (discarded)
	Alarms    *earshot.Alarms  // where AlarmLedger and AlarmWitness are raised (nowhere)
	HeadEvery time.Duration    // how soon a head follows an entry (1 min)
	Heartbeat time.Duration    // how soon a head follows a head when nothing happens (1 h)
	Witnesses []Witness        // who is told of heads (nobody); names differ
	ReadOnly  bool             // look only: no lock, no key, no goroutines, nothing is written

	// ReplaceLostKey begins with a new key where the private one is gone. The old
	// key cannot sign for it, and every verification says so for ever.
	ReplaceLostKey bool
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "earshot"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Alarms == nil {
		o.Alarms = &earshot.Alarms{}
	}
	if o.HeadEvery <= 0 {
		o.HeadEvery = time.Minute
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = time.Hour
	}
	return o
}

// Ledger is an open ledger. Its methods may be called from any goroutine.
type Ledger struct {
	dir     string
	opts    Options
	log     *store
	heads   *heads
	problem error // of a read-only ledger: what does not fit

	queue   sync.Mutex
	waiting *batch

	commit sync.Mutex // held by who appends; guards what follows
	closed bool
	key    ed25519.PrivateKey

	alarmed atomic.Bool // the ledger's alarm was raised here

	keysMu sync.RWMutex
	keys   keyring

	signing  sync.Mutex // one signer at a time
	signedAt time.Time  // when the newest head was made by this process

	watchers []*watcher
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// batch is what callers that wait for the same sync append.
type batch struct {
	lines [][]byte
	first int64
	err   error
	done  bool
}

// Append adds entries, durable when it returns, and answers the first one's
// index. Callers that wait at the same time share one sync. After a failure the
// entries are not in the ledger, unless the process dies before it could take
// them back.
func (l *Ledger) Append(ctx context.Context, entries ...Entry) (first int64, err error) {
	if l.opts.ReadOnly {
		return 0, ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	lines := make([][]byte, len(entries))
	for i, e := range entries {
		if e.Kind == KindKey {
			return 0, ErrEntry.Because(errors.New("keys come in by Rotate"))
		}
		if e.At.IsZero() {
			e.At = earshot.At(l.opts.Now())
		}
		if lines[i], err = e.line(); err != nil {
			return 0, err
		}
	}
	l.queue.Lock()
	if l.waiting == nil {
		l.waiting = &batch{}
	}
	mine, place := l.waiting, len(l.waiting.lines)
	mine.lines = append(mine.lines, lines...)
	l.queue.Unlock()

	l.commit.Lock()
	defer l.commit.Unlock()
	if !mine.done {
		l.queue.Lock()
		l.waiting = nil
		l.queue.Unlock()
		l.write(mine)
	}
	return mine.first + int64(place), mine.err
}

// write commits a batch. The caller holds commit.
func (l *Ledger) write(b *batch) {
	b.done = true
	if l.closed {
		b.err = ErrClosed
		return
	}
	b.first = l.log.tree.size
	b.err = l.log.append(b.lines)
	l.tell(b.err)
}

// tell raises the ledger's alarm, or clears it if it was raised here: others
// raise it for other reasons.
func (l *Ledger) tell(err error) {
	if err == nil {
		if l.alarmed.CompareAndSwap(true, false) {
			l.opts.Alarms.Clear(earshot.AlarmLedger)
		}
		return
	}
	l.alarmed.Store(true)
	l.opts.Log.Error("the ledger cannot be written", "err", err)
	l.opts.Alarms.Raise(earshot.AlarmLedger, earshot.Critical, l.opts.Now(), err.Error())
}

// Size is how many entries there are. Entry 0 is the first key.
func (l *Ledger) Size() int64 { return l.log.size.Load() }

// Name is the ledger's name as its heads have it: earshot/<site>.
func (l *Ledger) Name() string {
	l.keysMu.RLock()
	defer l.keysMu.RUnlock()
	if len(l.keys) == 0 {
		return namePrefix + l.opts.Name
	}
	return l.keys[0].Name
}

// Fits is nil where nothing was found at Open that does not fit. Only a
// read-only ledger is open in spite of it; Verify says more.
func (l *Ledger) Fits() error { return l.problem }

// Entry is entry i, and its line as it was hashed. It fails with ErrNoEntry and
// ErrDamaged.
func (l *Ledger) Entry(i int64) (Entry, []byte, error) {
	line, err := l.log.line(i)
	if err != nil {
		return Entry{}, nil, err
	}
	e, err := ParseEntry(line)
	return e, line, err
}

// Numbered is an entry with its place.
type Numbered struct {
	Index int64
	Entry Entry
	Raw   []byte // its line without the newline
}

// Entries are the entries from an index on, as far as there are any now. The
// first failure ends them.
func (l *Ledger) Entries(ctx context.Context, from int64) iter.Seq2[Numbered, error] {
	return func(yield func(Numbered, error) bool) {
		for i := max(from, 0); i < l.Size(); i++ {
			e, raw, err := l.Entry(i)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if !yield(Numbered{i, e, raw}, err) || err != nil {
				return
			}
		}
	}
}

// Prove proves that entry i is in the tree of size: CheckEntry verifies it.
func (l *Ledger) Prove(i, size int64) (proof [][32]byte, err error) {
	if i < 0 || i >= size || size > l.Size() {
		return nil, ErrNoEntry
	}
	hashes, err := tlog.ProveRecord(size, i, l.log)
	if err != nil {
		return nil, fmt.Errorf("prove entry %d: %w", i, err)
	}
	return plain(hashes), nil
}

// ProveTree proves that the tree of size goes on the tree of old:
// CheckConsistency verifies it. The empty tree needs no proof.
func (l *Ledger) ProveTree(old, size int64) (proof [][32]byte, err error) {
	if old < 0 || old > size || size > l.Size() {
		return nil, ErrNoEntry
	}
	if old == 0 {
		return nil, nil
	}
	hashes, err := tlog.ProveTree(size, old, l.log)
	if err != nil {
		return nil, fmt.Errorf("prove the tree of %d: %w", old, err)
	}
	return plain(hashes), nil
}

// Root is the tree's hash over the first size entries.
func (l *Ledger) Root(size int64) ([32]byte, error) {
	if size < 0 || size > l.Size() {
		return [32]byte{}, ErrNoEntry
	}
	root, err := tlog.TreeHash(size, l.log)
	if err != nil {
		return [32]byte{}, fmt.Errorf("sum the tree of %d: %w", size, err)
	}
	return root, nil
}

// Close signs what is not signed yet, ends the goroutines and closes the files.
func (l *Ledger) Close() error {
	if l.stop != nil {
		l.stop()
		l.running.Wait()
	}
	l.commit.Lock()
	was := l.closed
	l.closed = true
	l.commit.Unlock()
	if was {
		return nil
	}
	var err error
	if !l.opts.ReadOnly {
		_, err = l.sign(false)
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Ledger) closeFiles() error {
	var errs []error
	if l.log != nil {
		errs = append(errs, l.log.close())
	}
	if l.heads != nil && l.heads.file != nil {
		errs = append(errs, l.heads.file.Close())
	}
	return errors.Join(errs...)
}
