package storage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
	"earshot/storage/index"
)

// leave puts a file as a crash leaves it, behind the store's back.
func (h *house) leave(t *testing.T, name string, data []byte) {
	t.Helper()
	// The store lists a folder before the first unfinished file in it.
	must(t, h.files.WriteWhole(filepath.Dir(name)+"/x", nil))
	must(t, os.WriteFile(filepath.Join(h.dir, "audio", name), data, 0o600))
}

func live() earshot.Call {
	c := stored()
	c.State, c.EndedAt, c.DurationMs, c.Channels = earshot.CallLive, earshot.Time{}, 0, 0
	return c
}

func (h *house) audio(t *testing.T, id string, n int) []byte {
	t.Helper()
	file, part, err := h.Audio(t.Context(), id, n)
	must(t, err)
	data, err := io.ReadAll(file)
	must(t, errors.Join(err, file.Close()))
	sum := sha256.Sum256(data)
	same(t, "the part's sum", part.SHA256, hex.EncodeToString(sum[:]))
	same(t, "the part's bytes", part.Bytes, int64(len(data)))
	return data
}

func TestRecoverTornOpus(t *testing.T) {
	left, right := tone(t, 440, 5, 1, 1), tone(t, 1000, 5, 0.01, 1)
	whole := twoSided(t, stored(), 1, start.Add(2*time.Second), left, right, false)
	for _, row := range []struct {
		what    string
		data    []byte
		ms      int64 // 0: no part
		damaged bool
		aside   bool
	}{
		{"whole pages", whole, 5000, false, false},
		{"the last page torn", whole[:len(whole)-10], 4000, false, false},
		{"zeros behind", append(bytes.Clone(whole), make([]byte, 5000)...), 5000, false, false},
		{"a page inside damaged", flip(whole, pageAt(t, whole, 4)+100), 5000, true, false},
		{"headers alone", whole[:pageAt(t, whole, 2)], 0, false, false},
		{"half a header", whole[:20], 0, false, false},
		{"nothing", nil, 0, false, false},
		{"the header damaged", flip(whole, 30), 0, true, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			h := open(t)
			c := live()
			must(t, h.SaveCall(t.Context(), c))
			name := earshot.PartFile(c.ID, 1, earshot.Opus)
			h.leave(t, name+".part", row.data)
			h.leave(t, earshot.LevelsFile(c.ID, 1)+".part", []byte("torn"))

			all, err := h.RecoverAll(t.Context(), "node-a")
			must(t, err)
			same(t, "calls recovered", len(all), 1)
			got, err := h.Call(t.Context(), c.ID)
			must(t, err)
			same(t, "what was answered", all[0], got)
			same(t, "the call's file", h.onDisk(t, c.ID), got)
			same(t, "state", got.State, earshot.CallStored)
			same(t, "interrupted", got.Flagged(earshot.FlagInterrupted), true)
			same(t, "damaged", got.Flagged(earshot.FlagDamaged), row.damaged)
			names, err := h.files.Unfinished()
			must(t, err)
			same(t, "unfinished files", names, []string{})
			_, err = h.files.ReadWhole(name + ".damaged")
			same(t, "set aside", !errors.Is(err, fs.ErrNotExist), row.aside)
			if row.ms == 0 {
				same(t, "parts", got.Parts, []earshot.Part{})
				return
			}
			p := got.Parts[0]
			same(t, "where and how long", []int64{p.StartMs, p.DurationMs}, []int64{2000, row.ms})
			same(t, "track", p.Track, earshot.TrackBoth)
			same(t, "the call's length", got.DurationMs, 2000+row.ms)
			same(t, "the call's end", got.EndedAt, earshot.At(start.Add(time.Duration(2000+row.ms)*time.Millisecond)))
			same(t, "clock", p.Clock[1], earshot.ClockPoint{FileMs: row.ms, At: got.EndedAt})
			data := h.audio(t, c.ID, 1)
			if row.damaged {
				same(t, "gaps", got.Gaps, []earshot.Gap{
					{Side: earshot.SideAgent, StartMs: 4000, EndMs: 5000, Cause: earshot.CauseDamaged},
					{Side: earshot.SideCustomer, StartMs: 4000, EndMs: 5000, Cause: earshot.CauseDamaged}})
			} else {
				playable(t, data)
				same(t, "the last page is marked", lastPage(t, data).Flags&ogg.Last, ogg.Last)
			}

			// Levels were not measured; they are when they are asked for.
			levels, err := h.Levels(t.Context(), c.ID)
			must(t, err)
			same(t, "steps", len(levels.Agent), int(2000+row.ms)/100)
			same(t, "before the part", levels.Agent[0], byte(earshot.LevelGap))
			at := len(levels.Agent) - 5
			if a, b := levels.Agent[at], levels.Customer[at]; a < 15 || a > 30 || b < 55 || b > 70 {
				t.Errorf("levels are %d and %d", a, b)
			}
			must(t, os.Remove(filepath.Join(h.dir, "audio", name))) // from the levels file from now on
			again, err := h.Levels(t.Context(), c.ID)
			must(t, err)
			same(t, "levels", again, levels)

			all, err = h.RecoverAll(t.Context(), "node-a")
			must(t, err)
			same(t, "calls left", all, []earshot.Call{})
		})
	}
}

// flip damages one byte.
func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0x55
	return data
}

// pageAt is where the page n, from 0, begins.
func pageAt(t *testing.T, data []byte, n int) int {
	t.Helper()
	s := ogg.NewScanner(bytes.NewReader(data))
	for ; ; n-- {
		page, err := s.Next()
		must(t, err)
		if n == 0 {
			return int(page.Offset)
		}
	}
}

func lastPage(t *testing.T, data []byte) ogg.Page {
	t.Helper()
	var last ogg.Page
	s := ogg.NewScanner(bytes.NewReader(data))
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			same(t, "damage", len(s.Damage()), 0)
			return last
		}
		must(t, err)
		last = *page
	}
}

func TestRecoverTornWAV(t *testing.T) {
	for _, codec := range []earshot.Codec{earshot.PCMA, earshot.PCMU} {
		t.Run(string(codec), func(t *testing.T) {
			h := open(t)
			c := live()
			must(t, h.SaveCall(t.Context(), c))
			h.leave(t, earshot.PartFile(c.ID, 1, codec)+".part", stereoWAV(t, codec, 1500)[:wav.HeaderBytes+2*8*1250+1])
			_, err := h.RecoverAll(t.Context(), "node-a")
			must(t, err)
			got, err := h.Call(t.Context(), c.ID)
			must(t, err)
			p := got.Parts[0]
			same(t, "codec", p.Codec, codec)
			same(t, "track", p.Track, earshot.TrackBoth)
			same(t, "length", p.DurationMs, int64(1250))
			data := h.audio(t, c.ID, 1)
			playable(t, data)
			r, err := wav.NewReader(bytes.NewReader(data))
			must(t, err)
			same(t, "bytes of audio as the header says", r.DataBytes, int64(2*8*1250))
			levels, err := h.Levels(t.Context(), c.ID)
			must(t, err)
			same(t, "steps", len(levels.Agent), 13)
			if levels.Agent[3] > 30 || levels.Customer[3] < 60 {
				t.Errorf("levels are %d and %d", levels.Agent[3], levels.Customer[3])
			}
		})
	}
}

// Of a call that no index and no call file knows the part's own tags tell.
func TestRecoverFromFilesAlone(t *testing.T) {
	h := open(t)
	must(t, h.index.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "厅"}))
	must(t, h.index.CreateSeat(t.Context(), earshot.Seat{ID: "seat-1", Name: "一", Branch: "hall", Kind: earshot.Hotline, Cut: earshot.CutEvent}))
	c := live()
	packets := tone(t, 440, 2, 1, 1)
	began := start.Add(-3 * time.Second) // pre-roll
	h.leave(t, earshot.PartFile(c.ID, 1, earshot.Opus)+".part", twoSided(t, c, 1, began, packets, packets, false))
	all, err := h.RecoverAll(t.Context(), "node-a")
	must(t, err)
	got := all[0]
	same(t, "facts", []string{got.ID, got.Seat, got.Branch, string(got.Kind), got.Node}, []string{c.ID, "seat-1", "hall", "hotline", "node-a"})
	same(t, "start", got.StartedAt, earshot.At(began))
	same(t, "length", got.DurationMs, int64(2000))
}

// The crash came after parts were sealed, or between a part's name and the call.
func TestRecoverGoesOnBehindSealedParts(t *testing.T) {
	h := open(t)
	packets := tone(t, 440, 2, 1, 1)
	c := live()
	account := "3301"
	c.Account = account
	h.addPart(t, &c, 0, twoSided(t, c, 1, start, packets, packets, true))
	c.Parts[0].DurationMs = 2000
	must(t, h.SaveCall(t.Context(), c))
	must(t, h.index.SaveCall(t.Context(), live2(c))) // the index knows less than the file
	second := twoSided(t, c, 2, start.Add(10*time.Second), packets, packets, true)
	must(t, h.files.WriteWhole(earshot.PartFile(c.ID, 2, earshot.Opus), second))
	h.leave(t, earshot.PartFile(c.ID, 2, earshot.Opus)+".part", second[:500])
	h.leave(t, earshot.PartFile(c.ID, 4, earshot.Opus)+".part", twoSided(t, c, 4, start.Add(20*time.Second), packets, packets, false))

	_, err := h.RecoverAll(t.Context(), "node-a")
	must(t, err)
	got, err := h.Call(t.Context(), c.ID)
	must(t, err)
	same(t, "account", got.Account, account)
	same(t, "the first part", got.Parts[0], c.Parts[0])
	var where [][2]int64
	for _, p := range got.Parts {
		where = append(where, [2]int64{int64(p.N), p.StartMs})
	}
	same(t, "numbers and starts", where, [][2]int64{{1, 0}, {2, 10000}, {4, 20000}})
	same(t, "length", got.DurationMs, int64(22000))
	if !bytes.Equal(h.audio(t, c.ID, 2), second) {
		t.Error("a part that was complete has been changed")
	}
	names, err := h.files.Unfinished()
	must(t, err)
	same(t, "unfinished files", names, []string{})

	open, err := h.OpenCalls(t.Context(), "node-a")
	must(t, err)
	same(t, "calls a seat may go on with", len(open), 0) // it ended ten minutes ago
}

func live2(c earshot.Call) earshot.Call {
	c = c.Clone()
	c.Account, c.Parts = "", nil
	return c
}

func TestRecoverDeletedCallNot(t *testing.T) {
	h := open(t)
	c := stored()
	c.State = earshot.CallDeleted
	must(t, h.SaveCall(t.Context(), c))
	h.leave(t, earshot.PartFile(c.ID, 1, earshot.Opus)+".part", []byte("x"))
	all, err := h.RecoverAll(t.Context(), "node-a")
	must(t, err)
	same(t, "calls recovered", all, []earshot.Call{})
	page, err := h.Search(t.Context(), index.CallQuery{})
	must(t, err)
	same(t, "calls", len(page.Calls), 0)
}
