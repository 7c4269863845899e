package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"earshot"
)

// wire-level peers run in real time; what waits runs in a bubble with its own.

// stubborn is a witness that fails as long as it is told to.
type stubborn struct {
	every time.Duration
	mu    sync.Mutex
	fail  error
	asked []time.Time
	took  []Submission
}

func (s *stubborn) Name() string         { return "stubborn" }
func (s *stubborn) Kind() string         { return "test" }
func (s *stubborn) Every() time.Duration { return s.every }

func (s *stubborn) Submit(_ context.Context, sub Submission) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, time.Now())
	if s.fail != nil {
		return nil, s.fail
	}
	s.took = append(s.took, sub)
	return []byte("seen"), nil
}

func (s *stubborn) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *stubborn) count() (asked, took int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked), len(s.took)
}

func inBubble(l *Options) { l.Now, l.HeadEvery = time.Now, time.Minute }

func TestHeadsAreSignedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stubborn{}
		l := open(t, t.TempDir(), inBubble, func(o *Options) { o.Witnesses = []Witness{w} })
		synctest.Wait()
		if l.Head().Size != 1 {
			t.Fatal("no head at the start")
		}
		_, err := l.Append(t.Context(), part(1))
		must(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := l.Head(); h.Size != 2 || h.At != earshot.At(time.Now()) {
			t.Errorf("a minute after an entry: %+v", h)
		}
		time.Sleep(58 * time.Minute)
		synctest.Wait()
		if _, took := w.count(); took != 2 {
			t.Errorf("%d heads while nothing happened", took)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, took := w.count(); took != 3 || l.Head().Size != 2 || l.Head().At != earshot.At(time.Now().Truncate(time.Minute)) {
			t.Errorf("after an hour of nothing: %d heads, the newest %+v", took, l.Head())
		}
		for i, s := range w.took[1:] {
			must(t, CheckConsistency(w.took[i].Head, s.Head, s.Proof))
			must(t, s.Head.signedBy(PublicKeys(l.Keys())...))
		}
		must(t, l.Close())
	})
}

func TestAWitnessThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, alarms := t.TempDir(), &earshot.Alarms{}
		w := &stubborn{fail: errors.New("gone fishing")}
		with := func(o *Options) { o.Witnesses, o.Alarms = []Witness{w}, alarms }
		l := open(t, dir, inBubble, with)
		synctest.Wait()
		raised := alarms.List()
		if len(raised) != 1 || raised[0].Code != earshot.AlarmWitness || raised[0].Detail != "stubborn: gone fishing" {
			t.Fatalf("alarms: %+v", raised)
		}
		fill(t, l, 3) // is not held up
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		asked := w.asked
		if n := len(asked); n < 10 || n > 25 {
			t.Errorf("asked %d times in two hours", n)
		}
		for i, at := range asked[1:] {
			if wait := at.Sub(asked[i]); wait < firstRetry || wait > longestRetry {
				t.Errorf("asked again after %v", wait)
			}
		}
		if s := l.WitnessStates()[0]; s.Error != "gone fishing" || s.Size != 0 || s.Since.IsZero() {
			t.Errorf("its state: %+v", s)
		}
		w.set(nil)
		time.Sleep(longestRetry)
		synctest.Wait()
		if len(alarms.List()) != 0 {
			t.Errorf("alarms: %+v", alarms.List())
		}
		if s := l.WitnessStates()[0]; s.Error != "" || s.Size != 4 || s.At.IsZero() {
			t.Errorf("its state: %+v", s)
		}
		must(t, l.Close())

		// What it took is known after a start, also behind a torn receipt.
		name := filepath.Join(dir, "ledger", "witness", "stubborn.receipts")
		text, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(name, append(text, `{"witness":"stub`...), 0o600))
		l = open(t, dir, inBubble, with)
		if s := l.WitnessStates()[0]; s.Size != 4 {
			t.Errorf("its state after a start: %+v", s)
		}
		synctest.Wait()
		if last := w.took[len(w.took)-1]; last.OldSize != 4 {
			t.Errorf("it was offered a proof from %d", last.OldSize)
		}
		must(t, l.Close())

		// Receipts that cannot be read hold nothing up.
		must(t, os.WriteFile(name, []byte("{\"witness\":\"stub\n"), 0o600))
		l = open(t, dir, inBubble, with)
		synctest.Wait()
		if last := w.took[len(w.took)-1]; last.OldSize != 0 {
			t.Errorf("it was offered a proof from %d", last.OldSize)
		}
		must(t, l.Close())
	})
}

func TestAWitnessIsAskedSoOftenAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stubborn{every: 30 * time.Minute}
		l := open(t, t.TempDir(), inBubble, func(o *Options) { o.Witnesses = []Witness{w} })
		for n := range 120 {
			_, err := l.Append(t.Context(), part(n))
			must(t, err)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if _, took := w.count(); took < 4 || took > 5 {
			t.Errorf("it was told of %d heads in two hours", took)
		}
		must(t, l.Close())
	})
}

// TestACutLedgerIsNotOpenedBesideItsReceipts: even where all four files were cut
// alike, what the witness answered is a reason to refuse.
func TestACutLedgerIsNotOpenedBesideItsReceipts(t *testing.T) {
	s := &scene{t: t, dir: t.TempDir()}
	folder := &Folder{ID: "folder", Dir: t.TempDir()}
	with := func(o *Options) { o.Witnesses = []Witness{folder} }
	l := open(t, s.dir, with)
	_, err := l.Sign(t.Context())
	must(t, err)
	fill(t, l, 5)
	l.waitFor(t, 6)
	must(t, l.Close())
	s.lines(func(l [][]byte) [][]byte { return l[:1] })
	s.write("hashes", s.read("hashes")[:hashBytes])
	s.write("offsets", s.read("offsets")[:8])
	s.heads(1)
	s.verified([]FindingCode{FoundReceipt})
	if _, err := Open(s.dir, Options{Witnesses: []Witness{folder}}); !errors.Is(err, ErrCut) {
		t.Errorf("it is opened: %v", err)
	}
	kept, err := os.ReadFile(filepath.Join(folder.Dir, "hall-1", "heads"))
	must(t, err)
	if err := open(t, s.dir, readOnly).CompareCheckpoint(kept); !errors.Is(err, ErrCheckpointCut) {
		t.Errorf("against the witness's file: %v", err)
	}
}

// waitFor waits until all witnesses took a head of size.
func (l *Ledger) waitFor(t *testing.T, size int64) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for _, w := range l.watchers {
		for {
			w.mu.Lock()
			state := w.state
			w.mu.Unlock()
			if state.Size >= size {
				break
			}
			select {
			case <-deadline:
				t.Fatalf("witness %s stands at %+v", state.Name, state)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestReceiptsTellSinceWhen(t *testing.T) {
	l := open(t, t.TempDir())
	w := &watcher{ledger: l, witness: &stubborn{}}
	must(t, os.MkdirAll(filepath.Join(l.dir, "witness"), 0o700))
	for size := int64(1); size < 400; size += 3 {
		head := Head{Name: l.Name(), Size: size, Algorithm: SHA256}
		must(t, head.sign(l.key))
		must(t, w.keep(Receipt{Witness: "stubborn", Size: size, Head: string(head.Note), Receipt: make([]byte, size%50)}))
	}
	for i := range int64(399) {
		got, err := l.Witnessed(i)
		must(t, err)
		if i >= 397 {
			if len(got) != 0 {
				t.Fatalf("entry %d was never witnessed, but %+v", i, got)
			}
			continue
		}
		if want := (i+2)/3*3 + 1; len(got) != 1 || got[0].Size != want {
			t.Fatalf("entry %d since %+v, want the head of %d", i, got, want)
		}
	}
	newest, err := l.Receipts()
	if err != nil || len(newest) != 1 || newest[0].Size != 397 {
		t.Errorf("the newest: %+v %v", newest, err)
	}
}

// submission is what a witness that took old is told of a ledger's newest head.
func submission(t *testing.T, l *Ledger, old int64) Submission {
	t.Helper()
	head := l.Head()
	proof, err := l.ProveTree(old, head.Size)
	must(t, err)
	keys, err := l.successions()
	must(t, err)
	return Submission{head, old, proof, keys}
}

func TestReceiverTakesOnlyWhatFits(t *testing.T) {
	s := newScene(t)
	l := open(t, s.dir)
	var told []error
	r := &Receiver{Dir: t.TempDir(), Conflict: func(_ string, err error) { told = append(told, err) }}
	accept := func(sub Submission, want error) {
		t.Helper()
		receipt, err := r.Accept(t.Context(), sub)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("of %d entries: %v, want %v", sub.Head.Size, err, want)
		}
		if err == nil && !bytes.Equal(receipt, sub.Head.Note) {
			t.Errorf("the receipt: %s", receipt)
		}
	}
	first := submission(t, l, 0)
	accept(first, nil)
	accept(first, nil) // an answer that was lost is asked for again
	fill(t, l, 3)
	stale := submission(t, l, 5)
	var behind *BehindError
	if _, err := r.Accept(t.Context(), stale); !errors.As(err, &behind) || behind.Size != 21 {
		t.Errorf("a proof from elsewhere: %v", err)
	}
	accept(submission(t, l, 21), nil)
	_, err := l.Rotate(t.Context())
	must(t, err)
	accept(submission(t, l, 24), nil)
	accept(first, ErrCheckpointKey) // knows less of the keys than was known
	unsigned := submission(t, l, 25)
	unsigned.Head.Note = bytes.Replace(unsigned.Head.Note, []byte("\n25\n"), []byte("\n26\n"), 1)
	accept(unsigned, ErrSignature)
	shorter := submission(t, l, 0)
	shorter.Head = first.Head
	accept(shorter, ErrCheckpointCut)

	forked := l.Head() // the key's holder signs another ledger of the same length, and a longer one
	forked.Root[0] ^= 1
	must(t, forked.sign(l.key))
	other := submission(t, l, 25)
	other.Head = forked
	accept(other, ErrCheckpointRewritten)
	forked.Size++
	must(t, forked.sign(l.key))
	other.Head = forked
	accept(other, ErrCheckpointRewritten)

	anew := open(t, t.TempDir())
	fill(t, anew, 30)
	accept(submission(t, anew, 25), ErrCheckpointKey)
	if len(told) != 5 {
		t.Errorf("told of %d conflicts: %v", len(told), told)
	}
	kept, err := os.ReadFile(filepath.Join(r.Dir, "hall-1", "conflicts"))
	must(t, err)
	if bytes.Count(kept, []byte("\n")) != len(told) {
		t.Errorf("the conflicts kept:\n%s", kept)
	}
	if newest, err := r.Newest("earshot/hall-1"); err != nil || newest.Size != 25 {
		t.Errorf("the newest taken: %+v %v", newest, err)
	}
	trusting := &Receiver{Dir: t.TempDir(), Trusted: map[string]ed25519.PublicKey{"earshot/hall-1": l.Keys()[0].Public}}
	if _, err := trusting.Accept(t.Context(), submission(t, anew, 0)); !errors.Is(err, ErrCheckpointKey) {
		t.Errorf("another key than the trusted: %v", err)
	}
	if _, err := trusting.Accept(t.Context(), submission(t, l, 0)); err != nil {
		t.Errorf("the trusted key: %v", err)
	}
}

// TestNodesWitnessOneAnother posts heads from one ledger to another's receiver.
func TestNodesWitnessOneAnother(t *testing.T) {
	elsewhere := open(t, t.TempDir(), func(o *Options) { o.Name = "hall-2" })
	r := &Receiver{Dir: t.TempDir(), Countersign: elsewhere.Countersign}
	server := httptest.NewServer(RequireToken("secret", r))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	hook := &Webhook{ID: "hall-2", URL: server.URL, Token: "secret", Node: true, Client: client}
	dir := t.TempDir()
	l := open(t, dir, func(o *Options) { o.Witnesses = []Witness{hook} })
	head := fill(t, l, 4)
	l.waitFor(t, 5)
	must(t, l.Close())

	newest, _, err := lastReceipt(filepath.Join(dir, "ledger", "witness", "hall-2.receipts"))
	must(t, err)
	v, err := verifierOf("earshot/hall-2", elsewhere.Keys()[0].Public)
	must(t, err)
	signed, err := note.Open(newest.Receipt, note.VerifierList(v))
	if err != nil || len(signed.Sigs) != 1 || newest.Size != head.Size {
		t.Errorf("the receipt is not countersigned: %v\n%s", err, newest.Receipt)
	}
	if _, err := CheckHead(newest.Receipt, l.Keys()[0].Public); err != nil {
		t.Errorf("the countersigned head: %v", err)
	}

	// The sender forgot what was taken: it is told, and proves from there.
	must(t, os.Remove(filepath.Join(dir, "ledger", "witness", "hall-2.receipts")))
	l = open(t, dir, func(o *Options) { o.Witnesses = []Witness{hook} })
	fill(t, l, 4)
	l.waitFor(t, 9)
	for what, change := range map[string]func(*Webhook){
		"a wrong token": func(h *Webhook) { h.Token = "guess" },
		"nobody there":  func(h *Webhook) { h.URL = "http://127.0.0.1:1" },
	} {
		h := *hook
		change(&h)
		if _, err := h.Submit(t.Context(), submission(t, l, 9)); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
	for _, body := range []string{"", "{}", `{"head":"x"}`, `{"head":"earshot/a\n1\n"}`} {
		status, answer, err := post(t.Context(), client, server.URL, "application/json", "secret", []byte(body))
		if err != nil || status != http.StatusBadRequest {
			t.Errorf("posted %q: %d %s %v", body, status, answer, err)
		}
	}
	if _, err := l.Countersign(l.Head().Note); !errors.Is(err, ErrHead) {
		t.Errorf("it is its own witness: %v", err)
	}
}
