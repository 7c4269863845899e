package storage_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

const day = 24 * time.Hour

// keeping is a house with a ledger, whose clock the test sets.
type keeping struct {
	*house
	ledger *ledger.Ledger
	alarms earshot.Alarms
	found  []storage.Finding
	now    time.Time
	opts   storage.Options
}

func keep(t *testing.T) *keeping {
	t.Helper()
	dir := t.TempDir()
	return keepIn(t, dir, "sqlite:"+filepath.Join(dir, "index.db"))
}

// keepOn is keep over the index at url.
func keepOn(t *testing.T, url string) *keeping {
	t.Helper()
	return keepIn(t, t.TempDir(), url)
}

func keepIn(t *testing.T, dir, url string) *keeping {
	t.Helper()
	store, err := files.Open(dir, files.Options{})
	must(t, err)
	ix, err := index.Open(t.Context(), url)
	must(t, err)
	k := &keeping{now: now}
	k.ledger, err = ledger.Open(dir, ledger.Options{}) // its own goroutine looks at its clock
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(k.ledger.Close(), k.index.Close(), store.Close())) })
	k.opts = storage.Options{Now: func() time.Time { return k.now }, Ledger: k.ledger, Alarms: &k.alarms,
		Found: func(_ context.Context, f storage.Finding) error { k.found = append(k.found, f); return nil }}
	k.house = &house{storage.New(store, ix, k.opts), store, ix, dir}
	return k
}

// restart is the archive after a crash.
func (k *keeping) restart() { k.Archive = storage.New(k.files, k.index, k.opts) }

// call stores a call with a part of that audio and its levels, the after'th hour.
func (k *keeping) call(t *testing.T, after time.Duration, audio string) earshot.Call {
	t.Helper()
	c := stored()
	at := start.Add(after)
	c.ID, c.StartedAt, c.EndedAt = earshot.NewID(at), earshot.At(at), earshot.At(at.Add(time.Minute))
	if audio != "" {
		k.addPart(t, &c, 0, []byte(audio))
		must(t, k.files.WriteWhole(earshot.LevelsFile(c.ID, 1), []byte("levels")))
	}
	must(t, k.SaveCall(t.Context(), c))
	return c
}

// entries are the ledger's records of that kind.
func (k *keeping) entries(t *testing.T, kind ledger.Kind) []ledger.Entry {
	t.Helper()
	var all []ledger.Entry
	for n, err := range k.ledger.Entries(t.Context(), 0) {
		must(t, err)
		if n.Entry.Kind == kind {
			all = append(all, n.Entry)
		}
	}
	return all
}

func (k *keeping) holdsIn(t *testing.T, what, call string, want ...earshot.Hold) {
	t.Helper()
	c, err := k.index.Call(t.Context(), call)
	must(t, err)
	same(t, what+": in the index", c.Holds, want)
	same(t, what+": in the file", k.onDisk(t, call).Holds, want)
}

func (k *keeping) hold(t *testing.T, h earshot.Hold) earshot.Hold {
	t.Helper()
	h.Reason, h.By = "投诉 T-1", "eve"
	kept, err := k.Hold(t.Context(), h)
	must(t, err)
	return kept
}

func TestHoldOnACall(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "audio")
	h := k.hold(t, earshot.Hold{Call: c.ID, ID: "mine", ReleasedBy: "nobody"})
	if !earshot.ValidCallID(h.ID) || h.At != earshot.At(now) || h.ReleasedBy != "" {
		t.Errorf("%+v", h)
	}
	k.holdsIn(t, "held", c.ID, h)
	recorded := k.entries(t, ledger.KindHold)
	same(t, "in the ledger", []earshot.Hold{*recorded[0].Hold}, []earshot.Hold{h})

	// The recorder saves calls without their holds.
	must(t, k.SaveCall(t.Context(), c))
	k.holdsIn(t, "saved again", c.ID, h)
	account := "33"
	patched, err := k.PatchCall(t.Context(), c.ID, earshot.CallPatch{Account: &account})
	must(t, err)
	same(t, "patched", patched.Holds, []earshot.Hold{h})

	k.now = now.Add(time.Hour)
	_, err = k.Release(t.Context(), h.ID, "bob", "")
	wantCode(t, err, "bad_reason")
	released, err := k.Release(t.Context(), h.ID, "bob", "结案")
	must(t, err)
	must(t, k.NotariseOnce(t.Context()))
	k.holdsIn(t, "released", c.ID, released)
	if released.ReleasedAt != earshot.At(k.now) || released.ReleasedBy != "bob" || released.Active(k.now) {
		t.Errorf("%+v", released)
	}
	same(t, "the release in the ledger", *k.entries(t, ledger.KindRelease)[0].Hold, released)
	_, err = k.Release(t.Context(), h.ID, "bob", "结案")
	wantCode(t, err, "released")
	_, err = k.Release(t.Context(), earshot.NewID(now), "bob", "结案")
	wantCode(t, err, "no_hold")
	same(t, "records in all", k.ledger.Size(), int64(4)) // with the first key and the part
}

func TestHoldOnAWindow(t *testing.T) {
	k := keep(t)
	before, within := k.call(t, 0, "a"), k.call(t, time.Hour, "b")
	live := stored()
	live.ID, live.StartedAt = earshot.NewID(start.Add(2*time.Hour)), earshot.At(start.Add(2*time.Hour))
	live.State, live.EndedAt = earshot.CallLive, earshot.Time{}
	must(t, k.SaveCall(t.Context(), live))
	h := k.hold(t, earshot.Hold{Seat: "seat-1", From: earshot.At(start.Add(30 * time.Minute))})
	must(t, k.NotariseOnce(t.Context()))
	k.holdsIn(t, "before the window", before.ID)
	k.holdsIn(t, "within", within.ID, h)
	k.holdsIn(t, "live", live.ID, h)
	later := k.call(t, 3*time.Hour, "c")
	k.holdsIn(t, "a call that comes later", later.ID, h)
	released, err := k.Release(t.Context(), h.ID, "bob", "结案")
	must(t, err)
	must(t, k.NotariseOnce(t.Context()))
	for _, id := range []string{within.ID, live.ID, later.ID} {
		k.holdsIn(t, "released", id, released)
	}
}

// With the index away nothing is held, and nobody is told that it was.
func TestHoldWithTheIndexAway(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "audio")
	h := k.hold(t, earshot.Hold{Call: c.ID})
	must(t, k.index.Close())
	_, err := k.Hold(t.Context(), earshot.Hold{Call: c.ID, Reason: "x", By: "eve"})
	if err == nil {
		t.Fatal("a hold was kept nowhere")
	}
	same(t, "holds in the ledger", len(k.entries(t, ledger.KindHold)), 1)
	if k.SaveCall(t.Context(), c) == nil {
		t.Fatal("saved into a closed index")
	}
	same(t, "what the file knew stays", k.onDisk(t, c.ID).Holds, []earshot.Hold{h})
}

func TestHoldWithTheLedgerAway(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "audio")
	must(t, k.ledger.Close())
	if _, err := k.Hold(t.Context(), earshot.Hold{Call: c.ID, Reason: "x", By: "eve"}); err == nil {
		t.Fatal("a hold that the ledger does not have")
	}
	k.holdsIn(t, "not held", c.ID)
}

// A process that dies when the ledger has a hold, or a release, and nothing else.
func TestHoldCutOff(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "audio")
	must(t, k.NotariseOnce(t.Context()))
	k.dieAt("recorded")
	if _, err := k.Hold(t.Context(), earshot.Hold{Call: c.ID, Reason: "x", By: "eve"}); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	k.restart()
	must(t, k.NotariseOnce(t.Context()))
	h := *k.entries(t, ledger.KindHold)[0].Hold
	k.holdsIn(t, "held after all", c.ID, h)

	k.dieAt("recorded")
	if _, err := k.Release(t.Context(), h.ID, "bob", "结案"); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	k.holdsIn(t, "still held", c.ID, h)
	k.restart()
	must(t, k.NotariseOnce(t.Context()))
	k.holdsIn(t, "released after all", c.ID, *k.entries(t, ledger.KindRelease)[0].Hold)
}

var errCrash = errors.New("the process was killed")

// dieAt has the archive die after a step.
func (k *keeping) dieAt(step string) {
	k.OnStep(func(what string) error {
		if what == step {
			return errCrash
		}
		return nil
	})
}

func (k *keeping) gone(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, _, err := k.files.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want it gone", name, err)
		}
	}
}

// deletable is a house with a call that may go now, and one that may not.
func deletable(t *testing.T) (k *keeping, due, young earshot.Call) {
	k = keep(t)
	due = k.call(t, 0, "the audio of the first")
	k.now = start.Add(31 * day)
	young = k.call(t, 10*day, "the audio of the second")
	must(t, k.CreatePolicy(t.Context(), earshot.Policy{ID: "month", Name: "一月", DeleteDays: 30}))
	must(t, k.NotariseOnce(t.Context()))
	return k, due, young
}

// A deletion that is cut off after any step is finished at the next run.
func TestDeletionCutOff(t *testing.T) {
	steps := []string{"", "tombstone in the index", "deletion recorded", "tombstone in the file", "removed audio", "removed levels"}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			k, c, _ := deletable(t)
			audio, levels := c.Parts[0].File, earshot.LevelsFile(c.ID, 1)
			k.dieAt(map[string]string{"removed audio": "removed " + audio, "removed levels": "removed " + levels}[step])
			if step != "" && step[:7] != "removed" {
				k.dieAt(step)
			}
			_, err := k.Delete(t.Context(), c.ID, earshot.Deletion{Reason: "nightly"})
			if step == "" {
				must(t, err)
			} else if !errors.Is(err, errCrash) {
				t.Fatalf("got %v", err)
			}
			k.restart()
			_, err = k.Call(t.Context(), c.ID)
			wantCode(t, err, "deleted") // whatever is left of it, nobody gets it
			must(t, k.NotariseOnce(t.Context()))
			must(t, k.NotariseOnce(t.Context()))

			tombstone, err := k.Tombstone(t.Context(), c.ID)
			must(t, err)
			same(t, "the tombstone", tombstone, c.Tombstone(earshot.Deletion{
				At: earshot.At(k.now), By: earshot.ByRetention, Policy: "month", Reason: "nightly"}))
			same(t, "the file", k.onDisk(t, c.ID), tombstone)
			k.gone(t, audio, levels)
			recorded := k.entries(t, ledger.KindDeletion)
			same(t, "records of it", len(recorded), 1)
			same(t, "the hash in the ledger", recorded[0].SHA256, c.Parts[0].SHA256)
			same(t, "why, in the ledger", *recorded[0].Deletion, *tombstone.Deleted)
			left, err := k.index.Burials(t.Context(), 10)
			must(t, err)
			same(t, "left to do", left, []index.Burial{})
			must(t, k.SaveCall(t.Context(), c)) // what comes late changes nothing
			same(t, "the file after a late save", k.onDisk(t, c.ID), tombstone)
		})
	}
}

func TestDeletionRefused(t *testing.T) {
	k, due, young := deletable(t)
	_, err := k.Delete(t.Context(), young.ID, earshot.Deletion{})
	wantCode(t, err, "kept")
	h := k.hold(t, earshot.Hold{Call: due.ID})
	_, err = k.Delete(t.Context(), due.ID, earshot.Deletion{})
	wantCode(t, err, "held")
	_, err = k.Delete(t.Context(), earshot.NewID(now), earshot.Deletion{})
	wantCode(t, err, "no_call")
	_, err = k.Tombstone(t.Context(), due.ID)
	wantCode(t, err, "no_call")
	run, err := k.Retain(t.Context(), earshot.RetainDiskFull, 1<<40)
	must(t, err)
	same(t, "deleted though held", run.Deleted, 0)
	_, err = k.Release(t.Context(), h.ID, "bob", "结案")
	must(t, err)
	_, err = k.Delete(t.Context(), due.ID, earshot.Deletion{})
	must(t, err)
	_, err = k.Hold(t.Context(), earshot.Hold{Call: due.ID, Reason: "x", By: "eve"})
	wantCode(t, err, "deleted")
	same(t, "holds in the ledger", len(k.entries(t, ledger.KindHold)), 1)
}

func TestPreviewAndRun(t *testing.T) {
	k, due, young := deletable(t)
	page, err := k.Due(t.Context(), k.now, "", 10)
	must(t, err)
	same(t, "what goes", page, storage.DuePage{Calls: []storage.DueCall{{Call: due, Policy: "month", DueAt: earshot.At(due.EndedAt.AddDate(0, 0, 30))}},
		Count: 1, Bytes: due.Parts[0].Bytes})
	page, err = k.Due(t.Context(), k.now.Add(10*day), "", 1)
	must(t, err)
	same(t, "of a page", []int{len(page.Calls), page.Count, page.Held}, []int{1, 2, 0})
	k.hold(t, earshot.Hold{Call: due.ID, Until: earshot.At(k.now.Add(11 * day))})
	page, err = k.Due(t.Context(), k.now.Add(10*day), "", 1)
	must(t, err)
	same(t, "the first is held", page.Calls[0].Call.ID, young.ID)
	same(t, "what goes and what is held", []int{page.Count, page.Held}, []int{1, 1})

	k.now = k.now.Add(12 * day)
	run, err := k.Retain(t.Context(), earshot.RetainNightly, 0)
	must(t, err)
	bytes := due.Parts[0].Bytes + young.Parts[0].Bytes
	same(t, "the run", run, earshot.RetentionRun{ID: run.ID, At: earshot.At(k.now), EndedAt: earshot.At(k.now), Deleted: 2, Bytes: bytes, Reason: earshot.RetainNightly})
	runs, err := k.Runs(t.Context(), 10)
	must(t, err)
	same(t, "the runs", runs, []earshot.RetentionRun{run})
}

// MakeRoom takes the oldest of what was due, and no more than it must.
func TestMakeRoom(t *testing.T) {
	k, first, _ := deletable(t)
	second := k.call(t, time.Hour, "another")
	freed, err := k.MakeRoom(t.Context(), 5)
	must(t, err)
	same(t, "freed", freed, first.Parts[0].Bytes)
	_, err = k.Call(t.Context(), first.ID)
	wantCode(t, err, "deleted")
	_, err = k.Call(t.Context(), second.ID)
	must(t, err)
	freed, err = k.MakeRoom(t.Context(), 1<<40)
	must(t, err)
	same(t, "freed of what was due", freed, second.Parts[0].Bytes)
	runs, err := k.Runs(t.Context(), 1)
	must(t, err)
	same(t, "why", runs[0].Reason, earshot.RetainDiskFull)
}

// A call that cannot be deleted is counted, and the others go.
func TestRetainGoesOn(t *testing.T) {
	k, first, _ := deletable(t)
	second := k.call(t, time.Hour, "another")
	k.dieAt("removed " + first.Parts[0].File)
	run, err := k.Retain(t.Context(), earshot.RetainNightly, 0)
	must(t, err)
	same(t, "deleted and failed", []int{run.Deleted, run.Failed}, []int{1, 1})
	k.gone(t, second.Parts[0].File)
	k.restart()
	_, err = k.Retain(t.Context(), earshot.RetainNightly, 0)
	must(t, err)
	k.gone(t, first.Parts[0].File, earshot.LevelsFile(first.ID, 1))
}

func TestNotary(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "the audio")
	live := stored()
	live.ID, live.State, live.EndedAt = earshot.NewID(start.Add(time.Second)), earshot.CallLive, earshot.Time{}
	k.addPart(t, &live, 0, []byte("of a live call"))
	must(t, k.SaveCall(t.Context(), live))
	pending, err := k.Pending(t.Context())
	must(t, err)
	same(t, "pending", pending, int64(1))
	must(t, k.NotariseOnce(t.Context()))
	must(t, k.NotariseOnce(t.Context()))

	recorded := k.entries(t, ledger.KindPart)
	same(t, "records", len(recorded), 1)
	e := recorded[0]
	same(t, "the record", []any{e.Call, e.N, e.File, e.SHA256, e.Bytes, e.Seat, e.StartedAt, e.DurationMs, e.Algorithm},
		[]any{c.ID, 1, c.Parts[0].File, c.Parts[0].SHA256, c.Parts[0].Bytes, c.Seat, c.StartedAt, c.Parts[0].DurationMs, ledger.SHA256})
	if e.Pages == "" || e.PageCount != 1 {
		t.Errorf("no root over the file's pieces: %+v", e)
	}
	proofs, err := k.Proofs(t.Context(), c.ID)
	must(t, err)
	same(t, "proofs", len(proofs), 1)
	k.proves(t, proofs[0], e)
	same(t, "findings and alarms", len(k.found)+len(k.alarms.List()), 0)
}

// proves checks a proof with what anybody has.
func (k *keeping) proves(t *testing.T, p storage.Proof, want ledger.Entry) {
	t.Helper()
	var keys = k.ledger.Keys()
	head, err := ledger.CheckHead([]byte(p.Head), keys[len(keys)-1].Public)
	must(t, err)
	_, raw, err := k.ledger.Entry(p.Entry)
	must(t, err)
	var path tlog.RecordProof
	for _, hash := range p.Path {
		path = append(path, hash)
	}
	must(t, tlog.CheckRecord(path, p.Size, tlog.Hash(head.Root), p.Entry, tlog.RecordHash(raw)))
	got, err := ledger.ParseEntry(raw)
	must(t, err)
	same(t, "what is proved", got, want)
}

// Between the ledger and the index nothing is recorded twice.
func TestNotaryCutOff(t *testing.T) {
	k := keep(t)
	c := k.call(t, 0, "the audio")
	k.dieAt("parts recorded")
	if err := k.NotariseOnce(t.Context()); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	k.restart()
	must(t, k.NotariseOnce(t.Context()))
	same(t, "records", len(k.entries(t, ledger.KindPart)), 1)
	pending, err := k.Pending(t.Context())
	must(t, err)
	same(t, "pending", pending, int64(0))
	proofs, err := k.Proofs(t.Context(), c.ID)
	must(t, err)
	same(t, "proofs", len(proofs), 1)
}

func TestNotaryFindsDamage(t *testing.T) {
	for what, row := range map[string]struct {
		damage func(k *keeping, c earshot.Call) error
		code   storage.FindingCode
	}{
		"altered": {func(k *keeping, c earshot.Call) error {
			return k.files.WriteWhole(c.Parts[0].File, []byte("other audio"))
		}, storage.FindingAltered},
		"missing": {func(k *keeping, c earshot.Call) error { return k.files.Remove(c.Parts[0].File) }, storage.FindingMissing},
	} {
		t.Run(what, func(t *testing.T) {
			k := keep(t)
			bad, good := k.call(t, 0, "the audio"), k.call(t, time.Hour, "good audio")
			must(t, row.damage(k, bad))
			must(t, k.NotariseOnce(t.Context()))
			same(t, "findings", len(k.found), 1)
			f := k.found[0]
			same(t, "the finding", []any{f.Code, f.Call, f.File}, []any{row.code, bad.ID, bad.Parts[0].File})
			alarms := k.alarms.List()
			same(t, "alarms", []earshot.AlarmCode{alarms[0].Code}, []earshot.AlarmCode{earshot.AlarmDamage})
			for id, flagged := range map[string]bool{bad.ID: true, good.ID: false} {
				c, err := k.Call(t.Context(), id)
				must(t, err)
				same(t, "flagged", c.Flagged(earshot.FlagDamaged), flagged)
				same(t, "flagged in the file", k.onDisk(t, id).Flagged(earshot.FlagDamaged), flagged)
			}
			recorded := k.entries(t, ledger.KindPart)
			same(t, "hashes in the ledger", []string{recorded[0].SHA256, recorded[1].SHA256}, []string{bad.Parts[0].SHA256, good.Parts[0].SHA256})
			same(t, "a root over other bytes", recorded[0].Pages, "")
		})
	}
}

// The notary's goroutine comes when something is stored, and ends.
func TestNotarise(t *testing.T) {
	k := keep(t)
	recorded := make(chan struct{}, 10)
	k.OnStep(func(what string) error {
		if what == "parts recorded" {
			recorded <- struct{}{}
		}
		return nil
	})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { k.Notarise(ctx); close(ended) }()
	for i := range 3 {
		k.call(t, time.Duration(i)*time.Hour, "audio")
		<-recorded
	}
	end()
	<-ended
	same(t, "records", len(k.entries(t, ledger.KindPart)), 3)
}

// Retention runs at its hour, once, makes up for a night it missed, and does not
// trust a clock that jumped.
func TestNightly(t *testing.T) {
	k, due, _ := deletable(t)
	three := earshot.DayTime{Hour: 3}
	evening := time.Date(2026, 12, 30, 12, 0, 0, 0, time.UTC) // 20:00 in Shanghai
	k.now = evening
	look := k.LookAtNight(t.Context(), three)
	looks := func(after time.Duration, runs int) {
		t.Helper()
		k.now = evening.Add(after)
		must(t, look())
		got, err := k.Runs(t.Context(), 10)
		must(t, err)
		same(t, "runs", len(got), runs)
	}
	looks(0, 0)
	looks(7*time.Hour-time.Second, 0)
	k.alarms.Raise(earshot.AlarmClockStepped, earshot.Warning, k.now, "+400 d")
	looks(7*time.Hour, 0)
	_, err := k.MakeRoom(t.Context(), 1)
	wantCode(t, err, "clock_doubtful")
	k.alarms.Clear(earshot.AlarmClockStepped)
	looks(7*time.Hour, 1)
	_, err = k.Call(t.Context(), due.ID)
	wantCode(t, err, "deleted")
	looks(7*time.Hour+time.Minute, 1)

	look = k.LookAtNight(t.Context(), three) // it was off at 03:00 of the next day
	looks(33*time.Hour, 2)
	looks(34*time.Hour, 2)
	look = k.LookAtNight(t.Context(), three)
	looks(35*time.Hour, 2)
}

// Several notaries at once (one makes an evidence package complete) record each
// part once.
func TestNotariesAtOnce(t *testing.T) {
	k := keep(t)
	for i := range 20 {
		k.call(t, time.Duration(i)*time.Hour, "audio")
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := k.NotariseOnce(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	same(t, "records", len(k.entries(t, ledger.KindPart)), 20)
}
