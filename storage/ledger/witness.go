package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"earshot"
)

// Witness is somebody elsewhere who is told of heads. Who holds the key and the
// disk can rewrite a ledger, but not what a witness kept.
type Witness interface {
	Name() string         // an id, unique among the ledger's witnesses
	Kind() string         // file, webhook, node, tsa
	Every() time.Duration // at most so often; 0: every head
	// Submit tells of a head and answers what proves that it was told, or why not.
	Submit(ctx context.Context, s Submission) (receipt []byte, err error)
}

// Submission is what a witness is told: a head, and the proof that its tree goes
// on the tree of OldSize, which is the newest that this witness took (0: none).
type Submission struct {
	Head    Head
	OldSize int64
	Proof   [][32]byte
	Keys    []string // the successions of the ledger's keys, oldest first
}

// Receipt is what a witness answered, with the head that it was for.
type Receipt struct {
	Witness string       `json:"witness"`
	Kind    string       `json:"kind"`
	At      earshot.Time `json:"at"` // by our clock
	Size    int64        `json:"size"`
	Head    string       `json:"head"`    // the signed note
	Receipt []byte       `json:"receipt"` // as it came, base64
}

// WitnessState is how a witness stands.
type WitnessState struct {
	Name  string
	Kind  string
	At    earshot.Time // when it took its newest head; zero: never
	Size  int64        // of that head
	Error string       // why it did not take the last one offered; empty: it did
	Since earshot.Time // since when that is so
}

// Bounds of the wait between two attempts at a witness that fails, and of one
// attempt.
const (
	firstRetry    = 5 * time.Second
	longestRetry  = 10 * time.Minute
	submitTimeout = 30 * time.Second
)

// watcher tells one witness. Its goroutine owns everything but state.
type watcher struct {
	ledger  *Ledger
	witness Witness
	woken   chan struct{}
	told    time.Time // when by the steady clock
	took    Head      // the newest head it took

	mu    sync.Mutex
	state WitnessState
}

// WitnessStates says how the witnesses stand.
func (l *Ledger) WitnessStates() []WitnessState {
	states := make([]WitnessState, len(l.watchers))
	for i, w := range l.watchers {
		w.mu.Lock()
		states[i] = w.state
		w.mu.Unlock()
	}
	return states
}

func (l *Ledger) openWitnesses() error {
	if len(l.opts.Witnesses) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(l.dir, "witness"), 0o700); err != nil {
		return err
	}
	for _, witness := range l.opts.Witnesses {
		w := &watcher{ledger: l, witness: witness, woken: make(chan struct{}, 1)}
		w.state = WitnessState{Name: witness.Name(), Kind: witness.Kind()}
		for _, other := range l.watchers {
			if other.state.Name == w.state.Name {
				return earshot.Fail(earshot.Invalid, "bad_witness", "two witnesses are called %q", w.state.Name)
			}
		}
		if !earshot.ValidID(w.state.Name) {
			return earshot.Fail(earshot.Invalid, "bad_witness", "%q cannot be a witness's name", w.state.Name)
		}
		if err := w.load(); err != nil {
			return err
		}
		l.watchers = append(l.watchers, w)
	}
	return nil
}

func (w *watcher) receipts() string {
	return filepath.Join(w.ledger.dir, "witness", w.witness.Name()+".receipts")
}

// load finds the newest head that the witness took, and cuts a torn end.
// Receipts that cannot be read are set aside: a witness stops nothing, and says
// itself what it took.
func (w *watcher) load() error {
	newest, end, err := lastReceipt(w.receipts())
	if errors.Is(err, os.ErrNotExist) || err == nil && end == 0 {
		return nil
	}
	if err == nil {
		w.took, err = ParseHead([]byte(newest.Head))
	}
	if err != nil {
		aside := fmt.Sprintf("%s.damaged-%d", w.receipts(), w.ledger.opts.Now().UnixMilli())
		w.ledger.opts.Log.Error("a witness's receipts cannot be read and are set aside", "witness", w.state.Name, "as", aside, "err", err)
		return os.Rename(w.receipts(), aside)
	}
	if err := os.Truncate(w.receipts(), end); err != nil {
		return err
	}
	w.state.At, w.state.Size = newest.At, newest.Size
	return w.fits()
}

// fits fails with ErrCut or ErrHead where the ledger does not go on the head
// that the witness took.
func (w *watcher) fits() error {
	root, err := w.ledger.Root(w.took.Size)
	if errors.Is(err, ErrNoEntry) {
		return earshot.Fail(ErrCut.Kind, ErrCut.Code, "the ledger has %d entries, but witness %s was told of %d",
			w.ledger.Size(), w.state.Name, w.took.Size)
	}
	if err == nil && root != w.took.Root {
		return earshot.Fail(ErrHead.Kind, ErrHead.Code, "the ledger is not the one witness %s was told of", w.state.Name)
	}
	return err
}

func (w *watcher) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// run offers each new head, the newest only, and again with growing pauses where
// it was not taken.
func (w *watcher) run(ctx context.Context) {
	var retry time.Duration
	for {
		err := w.offer(ctx)
		if ctx.Err() != nil {
			return
		}
		var pause <-chan time.Time
		switch {
		case err != nil:
			retry = min(max(2*retry, firstRetry), longestRetry)
			pause = time.After(retry)
		default:
			retry = 0
			if wait := w.witness.Every() - time.Since(w.told); wait > 0 {
				pause = time.After(wait)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-w.only(pause == nil):
		case <-pause:
		}
	}
}

// only is the channel of new heads, or none while a pause must end first.
func (w *watcher) only(listen bool) <-chan struct{} {
	if listen {
		return w.woken
	}
	return nil
}

// offer tells the witness of the newest head unless it took it already.
func (w *watcher) offer(ctx context.Context) error {
	head := w.ledger.Head()
	if head.Size == 0 || string(head.Note) == string(w.took.Note) {
		return nil
	}
	err := w.submit(ctx, head)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		w.took, w.told = head, time.Now()
	}
	w.note(head, err)
	w.ledger.tellWitnesses()
	return err
}

// submit proves from the head that the witness took, or from the one that it
// says it took, where an answer of its was lost.
func (w *watcher) submit(ctx context.Context, head Head) error {
	keys, err := w.ledger.successions()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, submitTimeout)
	defer cancel()
	receipt, err := w.submitFrom(ctx, head, w.took.Size, keys)
	var behind *BehindError
	if errors.As(err, &behind) && behind.Size <= head.Size && behind.Size != w.took.Size {
		receipt, err = w.submitFrom(ctx, head, behind.Size, keys)
	}
	if err != nil {
		return err
	}
	return w.keep(Receipt{w.state.Name, w.state.Kind, earshot.At(w.ledger.opts.Now()), head.Size, string(head.Note), receipt})
}

func (w *watcher) submitFrom(ctx context.Context, head Head, old int64, keys []string) ([]byte, error) {
	proof, err := w.ledger.ProveTree(old, head.Size)
	if err != nil {
		return nil, err
	}
	return w.witness.Submit(ctx, Submission{head, old, proof, keys})
}

// keep appends a receipt, durably.
func (w *watcher) keep(r Receipt) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return appendDurably(w.receipts(), append(line, '\n'))
}

func (w *watcher) note(head Head, err error) {
	now := earshot.At(w.ledger.opts.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.state.At, w.state.Size, w.state.Error, w.state.Since = now, head.Size, "", earshot.Time{}
		return
	}
	w.ledger.opts.Log.Warn("a witness did not take the ledger's head", "witness", w.state.Name, "err", err)
	if w.state.Error == "" {
		w.state.Since = now
	}
	w.state.Error = err.Error()
}

// tellWitnesses raises or clears the alarm by how all witnesses stand.
func (l *Ledger) tellWitnesses() {
	var failing []string
	var since time.Time
	for _, s := range l.WitnessStates() {
		if s.Error == "" {
			continue
		}
		failing = append(failing, s.Name+": "+s.Error)
		if since.IsZero() || s.Since.Before(since) {
			since = s.Since.Time
		}
	}
	if len(failing) == 0 {
		l.opts.Alarms.Clear(earshot.AlarmWitness)
		return
	}
	l.opts.Alarms.Raise(earshot.AlarmWitness, earshot.Warning, since, strings.Join(failing, "; "))
}

// successions are the key entries' notes, oldest first.
func (l *Ledger) successions() ([]string, error) {
	var notes []string
	for _, k := range l.Keys() {
		e, _, err := l.Entry(k.Entry)
		if err != nil {
			return nil, err
		}
		notes = append(notes, e.Key)
	}
	return notes, nil
}

// appendDurably appends to a file, all or nothing.
func appendDurably(name string, data []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := fileSize(f)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	if size == 0 {
		return syncDir(filepath.Dir(name))
	}
	return nil
}
