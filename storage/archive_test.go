package storage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Around(m)) }

// start is when the tests' calls begin, now when the tests run.
var (
	start = time.Date(2026, 11, 21, 1, 2, 3, 456e6, time.UTC)
	now   = start.Add(10 * time.Minute)
)

// house is an archive with what it joins.
type house struct {
	*storage.Archive
	files *files.Store
	index *index.Index
	dir   string
}

func open(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	store, err := files.Open(dir, files.Options{})
	must(t, err)
	ix, err := index.Open(t.Context(), "sqlite:"+filepath.Join(dir, "index.db"))
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(ix.Close(), store.Close())) })
	return &house{storage.New(store, ix, storage.Options{Now: func() time.Time { return now }}), store, ix, dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || earshot.AsError(err).Code != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// stored is a stored call of a minute without parts.
func stored() earshot.Call {
	return earshot.Call{
		ID: earshot.NewID(start), Seat: "seat-1", Branch: "hall", Kind: earshot.Counter, Direction: earshot.NoDirection,
		State: earshot.CallStored, StartedAt: earshot.At(start), EndedAt: earshot.At(start.Add(time.Minute)), DurationMs: 60000,
		Channels: 2, Node: "node-a",
	}
}

// addPart keeps audio as a further part of c.
func (h *house) addPart(t *testing.T, c *earshot.Call, startMs int64, audio []byte) {
	t.Helper()
	sum := sha256.Sum256(audio)
	p := earshot.Part{
		N: len(c.Parts) + 1, File: earshot.PartFile(c.ID, len(c.Parts)+1, earshot.Opus), Track: earshot.TrackBoth,
		Codec: earshot.Opus, Channels: 2, StartMs: startMs, DurationMs: 1000, Bytes: int64(len(audio)), SHA256: hex.EncodeToString(sum[:]),
	}
	must(t, h.files.WriteWhole(p.File, audio))
	c.Parts = append(c.Parts, p)
}

func (h *house) onDisk(t *testing.T, id string) earshot.Call {
	t.Helper()
	text, err := h.files.ReadWhole(earshot.CallFile(id))
	must(t, err)
	var c earshot.Call
	must(t, json.Unmarshal(text, &c))
	return c
}

func TestSaveCallAndFindItAgain(t *testing.T) {
	h := open(t)
	c := stored()
	h.addPart(t, &c, 0, []byte("audio one"))
	must(t, h.SaveCall(t.Context(), c))

	got, err := h.Call(t.Context(), c.ID)
	must(t, err)
	same(t, "the call in the index", got, c)
	same(t, "the call's file", h.onDisk(t, c.ID), c)
	page, err := h.Search(t.Context(), index.CallQuery{})
	must(t, err)
	same(t, "what a search finds", page.Calls, []earshot.Call{c})

	for _, n := range []int{0, 1} {
		audio, part, err := h.Audio(t.Context(), c.ID, n)
		must(t, err)
		same(t, "the part", part, c.Parts[0])
		all, err := io.ReadAll(audio)
		must(t, errors.Join(err, audio.Close()))
		same(t, "the audio", string(all), "audio one")
	}
}

func TestAudioThatIsNotThere(t *testing.T) {
	h := open(t)
	c := stored()
	_, _, err := h.Audio(t.Context(), c.ID, 1)
	wantCode(t, err, "no_call")
	must(t, h.SaveCall(t.Context(), c))
	_, _, err = h.Audio(t.Context(), c.ID, 0)
	wantCode(t, err, "no_part")

	h.addPart(t, &c, 0, []byte("one"))
	h.addPart(t, &c, 2000, []byte("two"))
	c.Parts = append(c.Parts, earshot.Part{N: 3, File: earshot.PartFile(c.ID, 3, earshot.Opus)}) // still being written
	must(t, h.SaveCall(t.Context(), c))
	_, _, err = h.Audio(t.Context(), c.ID, 0)
	wantCode(t, err, "many_parts")
	for _, n := range []int{-1, 3, 4} {
		_, _, err = h.Audio(t.Context(), c.ID, n)
		wantCode(t, err, "no_part")
	}
	must(t, h.files.Remove(c.Parts[0].File))
	_, _, err = h.Audio(t.Context(), c.ID, 1)
	wantCode(t, err, "no_part")
}

func TestDeletedCallIsGone(t *testing.T) {
	h := open(t)
	c := stored()
	gone := c.Clone()
	gone.State = earshot.CallDeleted
	must(t, h.SaveCall(t.Context(), c))
	must(t, h.SaveCall(t.Context(), gone))
	must(t, h.SaveCall(t.Context(), c))
	_, err := h.Call(t.Context(), c.ID)
	wantCode(t, err, "deleted")
	same(t, "the state on disk", h.onDisk(t, c.ID).State, earshot.CallDeleted)
}

func TestEditsAtOnceAreAllKept(t *testing.T) {
	h := open(t)
	c := stored()
	must(t, h.SaveCall(t.Context(), c))
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := h.AddMark(t.Context(), c.ID, earshot.Mark{Kind: earshot.MarkNote, StartMs: int64(i), EndMs: int64(i), Text: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	account := "3301"
	wg.Go(func() {
		if _, err := h.PatchCall(t.Context(), c.ID, earshot.CallPatch{Account: &account}); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	got, err := h.Call(t.Context(), c.ID)
	must(t, err)
	same(t, "marks", len(got.Marks), 10)
	same(t, "account", got.Account, account)
	disk := h.onDisk(t, c.ID)
	same(t, "marks on disk", len(disk.Marks), 10)
	same(t, "account on disk", disk.Account, account)

	must(t, h.DeleteMark(t.Context(), c.ID, got.Marks[3].ID))
	wantCode(t, h.DeleteMark(t.Context(), c.ID, got.Marks[3].ID), "no_mark")
	marks, err := h.Marks(t.Context(), c.ID)
	must(t, err)
	same(t, "marks left", len(marks), 9)
	same(t, "marks left on disk", len(h.onDisk(t, c.ID).Marks), 9)
}

func TestEditsRefused(t *testing.T) {
	h := open(t)
	c := stored()
	bad := 9
	_, err := h.PatchCall(t.Context(), c.ID, earshot.CallPatch{Rating: &bad})
	wantCode(t, err, "bad_rating")
	_, err = h.PatchCall(t.Context(), c.ID, earshot.CallPatch{})
	wantCode(t, err, "no_call")
	for _, m := range []earshot.Mark{{}, {Kind: earshot.MarkNote, StartMs: -1}, {Kind: earshot.MarkNote, StartMs: 5, EndMs: 4}} {
		_, err = h.AddMark(t.Context(), c.ID, m)
		wantCode(t, err, "bad_mark")
	}
	c.State = earshot.CallLive
	must(t, h.SaveCall(t.Context(), c))
	_, err = h.PatchCall(t.Context(), c.ID, earshot.CallPatch{})
	wantCode(t, err, "not_stored")
}

// The file is written when the index is away, and not the other way round.
func TestIndexAway(t *testing.T) {
	h := open(t)
	c := stored()
	must(t, h.index.Close())
	if err := h.SaveCall(t.Context(), c); err == nil {
		t.Fatal("saving into a closed index did not fail")
	}
	c.Untold = earshot.DefaultThresholds().Of(c.Kind).Fingerprint(c.Kind) // it has no audio
	same(t, "the call's file", h.onDisk(t, c.ID), c)
}

func TestFilesAway(t *testing.T) {
	h := open(t)
	c := stored()
	broken := storage.New(brokenFiles{h.files}, h.index, storage.Options{})
	if err := broken.SaveCall(t.Context(), c); !errors.Is(err, errDisk) {
		t.Fatalf("got %v", err)
	}
	_, err := h.Call(t.Context(), c.ID)
	wantCode(t, err, "no_call")
}

var errDisk = errors.New("the disk is full")

type brokenFiles struct{ *files.Store }

func (brokenFiles) WriteWhole(string, []byte) error { return errDisk }

func TestLevelsOfSeveralParts(t *testing.T) {
	h := open(t)
	c := stored()
	c.DurationMs = 1050
	h.addPart(t, &c, 0, []byte("one"))
	h.addPart(t, &c, 420, []byte("two"))
	h.addPart(t, &c, 900, []byte("no levels"))
	must(t, h.files.WriteWhole(earshot.LevelsFile(c.ID, 1), levels.Append(nil, []byte{1, 2}, []byte{11, 255})))
	must(t, h.files.WriteWhole(earshot.LevelsFile(c.ID, 2), levels.Append(nil, []byte{3}, []byte{13})))
	must(t, h.SaveCall(t.Context(), c))
	got, err := h.Levels(t.Context(), c.ID)
	must(t, err)
	const none = earshot.LevelGap
	same(t, "levels", got, earshot.Levels{
		StepMs:   100,
		Agent:    []byte{1, 2, none, none, 3, none, none, none, none, none, none},
		Customer: []byte{11, none, none, none, 13, none, none, none, none, none, none},
	})
	must(t, h.files.WriteWhole(earshot.LevelsFile(c.ID, 2), []byte("garbage")))
	if _, err := h.Levels(t.Context(), c.ID); err != nil {
		t.Fatalf("a damaged levels file: %v", err)
	}
	_, err = h.Levels(t.Context(), earshot.NewID(start))
	wantCode(t, err, "no_call")
}

func TestShelfOverTheIndex(t *testing.T) {
	h := open(t)
	must(t, h.index.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "厅"}))
	seat := earshot.Seat{ID: "seat-1", Name: "一号", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession,
		Tokens: []earshot.SeatToken{{Hash: "aa", MadeAt: start}}}
	must(t, h.index.CreateSeat(t.Context(), seat))
	seat.Tokens[0].UsedAt = now
	must(t, h.SaveTokens(t.Context(), seat.ID, seat.Tokens))
	seats, err := h.Seats(t.Context())
	must(t, err)
	same(t, "seats", seats, []earshot.Seat{seat})
	must(t, h.SaveAgent(t.Context(), earshot.Agent{ID: "A1", Name: "王"}))

	live := stored()
	live.State, live.EndedAt = earshot.CallLive, earshot.Time{}
	must(t, h.SaveCall(t.Context(), live))
	calls, err := h.OpenCalls(t.Context(), "node-a")
	must(t, err)
	same(t, "open calls", calls, []earshot.Call{live})
}
