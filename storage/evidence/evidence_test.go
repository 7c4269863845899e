package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
	"earshot/storage/ledger"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// house is an archive of two calls, one in Opus and one in G.711, that are in a
// ledger.
type house struct {
	t     *testing.T
	dir   string
	log   *ledger.Ledger
	files map[string][]byte
	calls []earshot.Call
	first int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), files: map[string][]byte{}}
	log, err := ledger.Open(h.dir, ledger.Options{Name: "test", Now: func() time.Time { return epoch.Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	h.log = log
	h.add(earshot.Opus, opusFile(t, 60))
	h.add(earshot.PCMA, wavFile(60))
	if _, err := log.Sign(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

// opusFile has a second of both sides on each page. The packets are not audio
// that anybody would like, but whole ones.
func opusFile(t *testing.T, seconds int) []byte {
	t.Helper()
	w := ogg.NewWriter(7)
	out := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{Vendor: "test"})
	granule := int64(0)
	for s := range seconds {
		for i := range 50 {
			granule += 960
			agent := []byte{0x78, byte(s), byte(i), 1, 2, 3}
			packet, err := opus.SelfDelimit(nil, agent)
			if err != nil {
				t.Fatal(err)
			}
			out = w.Packet(out, append(packet, 0x78, byte(i), byte(s), 9, 9), granule)
		}
		if s == seconds-1 {
			out = w.Finish(out)
		} else {
			out = w.Flush(out)
		}
	}
	return out
}

func wavFile(seconds int) []byte {
	data := make([]byte, seconds*8000*2)
	for i := range data {
		data[i] = byte(i*7 + i/8000)
	}
	return append(wav.AppendHeader(nil, wav.ALaw, 2, int64(len(data))), data...)
}

func (h *house) add(codec earshot.Codec, audio []byte) {
	h.t.Helper()
	at := epoch.Add(time.Duration(len(h.calls)) * time.Minute)
	id := earshot.NewID(at)
	sum := sha256.Sum256(audio)
	part := earshot.Part{N: 1, File: earshot.PartFile(id, 1, codec), Track: earshot.TrackBoth, Codec: codec, Channels: 2,
		DurationMs: 60000, Bytes: int64(len(audio)), SHA256: hex.EncodeToString(sum[:]), Clock: []earshot.ClockPoint{}}
	call := earshot.Call{ID: id, Seat: "hall-1", Branch: "east", Kind: earshot.Counter, State: earshot.CallStored,
		StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)), DurationMs: 60000, Channels: 2, Parts: []earshot.Part{part}}.Clone()
	call.Gaps = []earshot.Gap{{Side: earshot.SideCustomer, StartMs: 1000, EndMs: 3000, Cause: earshot.CauseLost}}
	root, pages, err := ledger.PagesRoot(bytes.NewReader(audio))
	if err != nil {
		h.t.Fatal(err)
	}
	first, err := h.log.Append(context.Background(), ledger.Entry{Kind: ledger.KindPart, Call: id, N: 1, File: part.File, SHA256: part.SHA256,
		Pages: hex.EncodeToString(root[:]), PageCount: pages, Bytes: part.Bytes, Seat: call.Seat, StartedAt: call.StartedAt,
		StartMs: part.StartMs, DurationMs: part.DurationMs, Algorithm: ledger.SHA256})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(h.calls) == 0 {
		h.first = first
	}
	h.files[part.File] = audio
	h.calls = append(h.calls, call)
}

type readable struct{ *bytes.Reader }

func (readable) Close() error { return nil }

func (h *house) input(want earshot.Package) Input {
	h.t.Helper()
	head := h.log.Head()
	want.ID, want.By, want.Language, want.At = earshot.NewID(epoch), "officer", "zh", earshot.At(epoch.Add(2*time.Hour))
	in := Input{Package: want, Site: "城东水务 East Water", Software: "test", Zone: time.FixedZone("CST", 8*3600), Head: head, Key: h.log.Keys()[0], TempDir: h.t.TempDir(),
		Open: func(name string) (io.ReadSeekCloser, int64, error) {
			data, ok := h.files[name]
			if !ok {
				return nil, 0, os.ErrNotExist
			}
			return readable{bytes.NewReader(data)}, int64(len(data)), nil
		}}
	for _, span := range want.Calls {
		for i, call := range h.calls {
			if call.ID != span.Call {
				continue
			}
			index := h.first + int64(i)
			_, raw, err := h.log.Entry(index)
			if err != nil {
				h.t.Fatal(err)
			}
			hashes, err := h.log.Prove(index, head.Size)
			if err != nil {
				h.t.Fatal(err)
			}
			in.Calls = append(in.Calls, CallInput{Call: call, Parts: []PartInput{{1, index, raw, hashes}},
				Audit:  []earshot.Audit{{ID: "a", At: call.EndedAt, Who: "officer", Action: earshot.AuditPlay, Call: call.ID}},
				Levels: earshot.Levels{StepMs: 100, Agent: bytes.Repeat([]byte{20, 60}, 300), Customer: bytes.Repeat([]byte{127, 30}, 300)}})
		}
	}
	return in
}

func (h *house) pack(want earshot.Package) ([]byte, *Manifest) {
	h.t.Helper()
	want.Title, want.Reason = "用户投诉 4711", "complaint 4711"
	var out bytes.Buffer
	m, err := Write(context.Background(), &out, h.input(want), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Bytes(), m
}

func check(t *testing.T, data []byte, key string) *Report {
	t.Helper()
	r, err := Check(context.Background(), bytes.NewReader(data), int64(len(data)), key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wants are packages of all shapes.
func (h *house) wants() map[string]earshot.Package {
	a, b := h.calls[0].ID, h.calls[1].ID
	return map[string]earshot.Package{
		"one call":          {Calls: []earshot.PackageCall{{Call: a}}},
		"two calls":         {Calls: []earshot.PackageCall{{Call: a}, {Call: b}}},
		"spans":             {Calls: []earshot.PackageCall{{Call: a, FromMs: 10_500, ToMs: 20_500}, {Call: b, FromMs: 30_000, ToMs: 40_000}}},
		"silenced":          {Calls: []earshot.PackageCall{{Call: a}, {Call: b}}, Silence: []earshot.PackageSilence{{Call: a, FromMs: 5000, ToMs: 7000, Reason: "third party"}, {Call: b, FromMs: 20_000, ToMs: 21_000, Reason: "third party"}}},
		"a silenced span":   {Calls: []earshot.PackageCall{{Call: a, FromMs: 10_000, ToMs: 30_000}}, Silence: []earshot.PackageSilence{{Call: a, FromMs: 12_000, ToMs: 15_000, Reason: "third party"}}},
		"its beginning":     {Calls: []earshot.PackageCall{{Call: b, ToMs: 3000}}},
		"silenced from 0":   {Calls: []earshot.PackageCall{{Call: a}, {Call: b}}, Silence: []earshot.PackageSilence{{Call: a, FromMs: 0, ToMs: 1500, Reason: "x"}, {Call: b, FromMs: 0, ToMs: 1500, Reason: "x"}}},
		"overlapping words": {Calls: []earshot.PackageCall{{Call: a}}, Silence: []earshot.PackageSilence{{Call: a, FromMs: 5000, ToMs: 9000, Reason: "x"}, {Call: a, FromMs: 8000, ToMs: 12_000, Reason: "y"}}},
	}
}

func TestPackageHolds(t *testing.T) {
	h := newHouse(t)
	for name, want := range h.wants() {
		t.Run(name, func(t *testing.T) {
			data, m := h.pack(want)
			r := check(t, data, h.log.Keys()[0].Fingerprint)
			if !r.Holds || r.Proved != len(want.Calls) || r.Calls != len(want.Calls) || r.Silenced != len(m.Silenced) {
				t.Fatalf("%+v\n%s", r, r.Sentence("en"))
			}
			for _, language := range []string{"zh", "en"} {
				if s := r.Sentence(language); !strings.Contains(s, h.log.Keys()[0].Fingerprint) {
					t.Errorf("the sentence does not name the key: %s", s)
				}
			}
		})
	}
}

// TestSilencedWordsAreGone says that nothing of the silenced stretch can be found
// in the package, and that all pages beside it are as they were.
func TestSilencedWordsAreGone(t *testing.T) {
	h := newHouse(t)
	data, m := h.pack(earshot.Package{Calls: []earshot.PackageCall{{Call: h.calls[0].ID}}, Silence: []earshot.PackageSilence{{Call: h.calls[0].ID, FromMs: 5000, ToMs: 6900, Reason: "third party"}}})
	audio := unzip(t, data)[m.Files[0].Name]
	whole := h.files[h.calls[0].Parts[0].File]
	if bytes.Contains(audio, []byte{0x78, 5, 0, 1, 2, 3}) || bytes.Contains(audio, []byte{0x78, 6, 49, 1, 2, 3}) {
		t.Error("silenced packets are in the package")
	}
	for _, s := range []byte{4, 7} {
		if packet := []byte{s, 10, 1, 2, 3}; !bytes.Contains(audio, packet) || !bytes.Contains(whole, packet) {
			t.Errorf("second %d is not in the package", s)
		}
	}
	if got := m.Silenced[0].RealMs; got != [2]int64{4993, 6993} {
		t.Errorf("silenced %v", got)
	}
}

// TestSilencedMarks: what was written of a silenced stretch is silenced too, and
// what was written of words that are not in the package is not in it.
func TestSilencedMarks(t *testing.T) {
	h := newHouse(t)
	mark := func(id string, at int64) earshot.Mark {
		return earshot.Mark{ID: id, Kind: earshot.MarkNote, StartMs: at, EndMs: at, Text: "text of " + id, Shared: true}
	}
	h.calls[0].Marks = []earshot.Mark{mark("kept", 18_000), mark("silenced", 12_500), mark("outside", 50_000)}
	data, m := h.pack(h.wants()["a silenced span"])
	for name, text := range unzip(t, data) {
		if bytes.Contains(text, []byte("text of silenced")) || bytes.Contains(text, []byte("text of outside")) {
			t.Errorf("%s has what was to be left out", name)
		}
	}
	if marks := m.Calls[0].Call.Marks; len(marks) != 2 || marks[0].Text != "text of kept" || marks[1].ID != "silenced" {
		t.Errorf("%+v", marks)
	}
	if r := check(t, data, ""); !r.Holds {
		t.Errorf("%+v", r.Findings)
	}
}

func unzip(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func rezip(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, data := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sumAgain is what a forger does who knows what SHA256SUMS is.
func sumAgain(files map[string][]byte) {
	var text strings.Builder
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name != sumsName {
			fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(files[name]), name)
		}
	}
	files[sumsName] = []byte(text.String())
}

// TestTampering alters a package in one way each; the forger makes SHA256SUMS fit
// again, as anybody can.
func TestTampering(t *testing.T) {
	h := newHouse(t)
	a, b := h.calls[0].ID, h.calls[1].ID
	original, m := h.pack(earshot.Package{Calls: []earshot.PackageCall{{Call: a}, {Call: b, FromMs: 30_000, ToMs: 40_000}}, Silence: []earshot.PackageSilence{{Call: a, FromMs: 5000, ToMs: 7000, Reason: "third party"}}})
	opusName, wavName := m.Files[0].Name, m.Files[1].Name
	for _, row := range []struct {
		name   string
		tamper func(files map[string][]byte)
		want   FindingCode
	}{
		{"a byte of audio", func(f map[string][]byte) { f[opusName][len(f[opusName])/2] ^= 1 }, FindingAudio},
		{"a byte of G.711", func(f map[string][]byte) { f[wavName][len(f[wavName])/2] ^= 1 }, FindingAudio},
		{"audio put where silence is listed", func(f map[string][]byte) {
			f[opusName] = bytes.Replace(f[opusName], []byte{0xF8, 0, 0xF8}, []byte{0x78, 0, 0x78}, 1)
		}, FindingAudio},
		{"a page cut off", func(f map[string][]byte) { f[opusName] = f[opusName][:len(f[opusName])-100] }, FindingAudio},
		{"bytes put behind", func(f map[string][]byte) { f[opusName] = append(f[opusName], "more"...) }, FindingAudio},
		{"a recording removed", func(f map[string][]byte) { delete(f, opusName) }, FindingMissing},
		{"an entry changed", func(f map[string][]byte) {
			f[m.Files[0].Proof] = bytes.Replace(f[m.Files[0].Proof], []byte("hall-1"), []byte("hall-2"), 1)
		}, FindingProof},
		{"a leaf changed", func(f map[string][]byte) { f[m.Files[0].Leaves][len(f[m.Files[0].Leaves])-5] ^= 1 }, FindingProof},
		{"a head changed", func(f map[string][]byte) {
			f[headName] = bytes.Replace(f[headName], []byte("time 2026"), []byte("time 2025"), 1)
		}, FindingHead},
		{"what openssl is shown changed", func(f map[string][]byte) { f[textName] = append(f[textName], '\n') }, FindingHead},
		{"a fact changed", func(f map[string][]byte) {
			f[manifestName] = bytes.ReplaceAll(f[manifestName], []byte(`"seat": "hall-1"`), []byte(`"seat": "hall-9"`))
			f["calls/"+a+".json"] = bytes.ReplaceAll(f["calls/"+a+".json"], []byte(`"seat": "hall-1"`), []byte(`"seat": "hall-9"`))
			f["calls/"+b+".json"] = bytes.ReplaceAll(f["calls/"+b+".json"], []byte(`"seat": "hall-1"`), []byte(`"seat": "hall-9"`))
		}, FindingFacts},
		{"the call's facts alone", func(f map[string][]byte) {
			f["calls/"+a+".json"] = bytes.ReplaceAll(f["calls/"+a+".json"], []byte(`"east"`), []byte(`"west"`))
		}, FindingFacts},
		{"another key", func(f map[string][]byte) { f[keyName] = otherKey(t) }, FindingHead},
		{"a page of an excerpt left out", func(f map[string][]byte) {
			leaveOut(t, f, m, 1)
		}, FindingAudio},
		{"the end of an excerpt left out", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) { m.Files[1].Have[0].To-- })
			f[wavName] = f[wavName][:len(f[wavName])-ledger.BlockBytes]
		}, FindingAudio},
		{"half of the pages counted twice", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) {
				m.Files[0].Have = []Range{{0, m.Files[0].Pages / 2}, {0, m.Files[0].Pages / 2}}
			})
		}, FindingFacts},
		{"pages replaced that are not listed", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) { m.Silenced = []Silenced{} })
		}, FindingFacts},
		{"a header replaced, so that nothing says what is silent", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) {
				m.Files[0].Replaced = []Range{{0, m.Files[0].Pages}}
				m.Silenced = []Silenced{{PackageSilence: earshot.PackageSilence{Call: a}, Part: 1, Pages: Range{0, m.Files[0].Pages}}}
			})
		}, FindingAudio},
		{"the header of an excerpt", func(f map[string][]byte) { f[wavName][24] = 0x80 }, FindingAudio},
		{"a recording listed twice", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) { m.Files = append(m.Files, m.Files[0]) })
		}, FindingTwice},
		{"the fingerprint on the page", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) { m.Ledger.Fingerprint = strings.Repeat("ab", 32) })
		}, FindingFacts},
		{"a proof that names another file", func(f map[string][]byte) {
			f[m.Files[0].Proof] = bytes.Replace(f[m.Files[0].Proof], []byte(opusName), []byte(wavName), 1)
		}, FindingFacts},
		{"a longer time than was recorded", func(f map[string][]byte) {
			edit(t, f, func(m *Manifest) { m.Files[0].ToMs = 600_000 })
		}, FindingFacts},
		{"a witness who saw the head before it was signed", func(f map[string][]byte) {
			f["ledger/witness/1-head.txt"] = f[headName]
			edit(t, f, func(m *Manifest) {
				m.Ledger.Witnesses = []PackedWitness{{Name: "x", Kind: "file", At: earshot.At(epoch), File: "ledger/witness/1-head.txt", Proof: []string{}}}
			})
		}, FindingWitness},
		{"a name that leads out", func(f map[string][]byte) { f["../outside"] = []byte("x") }, FindingName},
		{"a name with a line of its own", func(f map[string][]byte) { f["x\n全部成立"] = []byte("x") }, FindingName},
		{"a call claimed to be whole", func(f map[string][]byte) {
			for _, name := range []string{manifestName, "calls/" + b + ".json"} {
				f[name] = bytes.ReplaceAll(f[name], []byte(`"whole": false,`), []byte(`"whole": true,`))
			}
		}, FindingFacts},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := unzip(t, original)
			row.tamper(files)
			sumAgain(files)
			r := check(t, rezip(t, files), h.log.Keys()[0].Fingerprint)
			if r.Holds || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == row.want }) {
				t.Errorf("found %+v, want %s", r.Findings, row.want)
			}
			for _, f := range r.Findings {
				if f.Text("zh") == "" || strings.Contains(f.Text("en"), "%!") || strings.Contains(f.Text("en"), "\n") {
					t.Errorf("%q", f.Text("en"))
				}
			}
		})
	}
	t.Run("without making the sums fit", func(t *testing.T) {
		files := unzip(t, original)
		files[guideName] = []byte("trust me\n")
		files["more.txt"] = []byte("x")
		r := check(t, rezip(t, files), "")
		codes := []FindingCode{}
		for _, f := range r.Findings {
			codes = append(codes, f.Code)
		}
		slices.Sort(codes)
		if !slices.Equal(codes, []FindingCode{FindingAltered, FindingExtra}) {
			t.Errorf("found %v", codes)
		}
	})
	t.Run("somebody else's package", func(t *testing.T) {
		other := newHouse(t)
		data, _ := other.pack(earshot.Package{Calls: []earshot.PackageCall{{Call: other.calls[0].ID}}})
		if r := check(t, data, ""); !r.Holds {
			t.Errorf("a package of another house does not hold by itself: %+v", r.Findings)
		}
		if r := check(t, data, h.log.Keys()[0].Fingerprint); r.Holds || r.Findings[0].Code != FindingOtherKey {
			t.Errorf("found %+v", r.Findings)
		}
	})
}

// edit changes the manifest, and the calls with it.
func edit(t *testing.T, files map[string][]byte, change func(*Manifest)) {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(files[manifestName], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	files[manifestName], _ = json.Marshal(&m)
	for _, c := range m.Calls {
		files["calls/"+c.Call.ID+".json"], _ = json.Marshal(c)
	}
}

// leaveOut takes one block out of an excerpt of G.711, as if it had never been
// there.
func leaveOut(t *testing.T, files map[string][]byte, m *Manifest, file int) {
	t.Helper()
	f := m.Files[file]
	gone := f.Have[0].From + 1
	leaves, err := parseLeaves(files[f.Leaves])
	if err != nil {
		t.Fatal(err)
	}
	audio := files[f.Name]
	at := leaves[gone].Offset
	files[f.Name] = slices.Concat(audio[:at], audio[at+leaves[gone].Length:])
	for i := gone + 1; i < len(leaves); i++ {
		if leaves[i].Offset >= 0 {
			leaves[i].Offset -= leaves[gone].Length
		}
	}
	leaves[gone].Offset = -1
	files[f.Leaves] = []byte(leavesText(leaves))
	edit(t, files, func(m *Manifest) {
		m.Files[file].Have = []Range{{f.Have[0].From, gone}, {gone + 1, f.Have[0].To}}
	})
	files[f.Name] = slices.Concat(wav.AppendHeader(nil, wav.ALaw, 2, int64(len(files[f.Name]))-f.Prefix), files[f.Name][f.Prefix:])
}

// TestWitnessBeforeRotation says that a head which an older key has signed is as
// good a witness's copy.
func TestWitnessBeforeRotation(t *testing.T) {
	h := newHouse(t)
	old := h.log.Head()
	if _, err := h.log.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.log.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := h.input(earshot.Package{Title: "x", Reason: "x", Calls: []earshot.PackageCall{{Call: h.calls[0].ID}}})
	in.Key = h.log.Keys()[1]
	proof, err := h.log.ProveTree(old.Size, in.Head.Size)
	if err != nil {
		t.Fatal(err)
	}
	in.Witnesses = []Witness{{Name: "notary", Kind: "webhook", At: old.At, Head: old, Proof: proof}}
	var out bytes.Buffer
	if _, err := Write(t.Context(), &out, in, nil); err != nil {
		t.Fatal(err)
	}
	if r := check(t, out.Bytes(), in.Key.Fingerprint); !r.Holds || r.SinceWhom != "notary" {
		t.Errorf("%+v", r)
	}
}

// TestBombs: files that would unpack to more than there can be are refused unread.
func TestBombs(t *testing.T) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.CreateRaw(&zip.FileHeader{Name: manifestName, Method: zip.Deflate, CompressedSize64: 4, UncompressedSize64: 1 << 40})
	if err == nil {
		_, err = w.Write([]byte("bomb"))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), ""); !errors.Is(err, ErrNotPackage) || !strings.Contains(err.Error(), "unpacks") {
		t.Errorf("%v", err)
	}
}

// TestSilenceLeavesHeaders: a part that begins inside a silenced stretch keeps its
// headers, and can be played.
func TestSilenceLeavesHeaders(t *testing.T) {
	audio := opusFile(t, 10)
	part := earshot.Part{N: 2, File: "x.opus", Codec: earshot.Opus, StartMs: 5000, DurationMs: 10_000}
	p, err := newPlan(bytes.NewReader(audio), int64(len(audio)), part, PackedCall{Call: earshot.Call{ID: "c"}, ToMs: 15_000}, []earshot.PackageSilence{{Call: "c", FromMs: 4000, ToMs: 6500}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.replaced) != 1 || p.replaced[0].From != 2 {
		t.Errorf("replaced %v", p.replaced)
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	return newHouse(t).log.Keys()[0].PEM()
}

// TestPublicTools unpacks packages and runs what their instructions say, with
// nothing but bash, sha256sum and openssl.
func TestPublicTools(t *testing.T) {
	for _, tool := range []string{"bash", "sha256sum", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed: %v", tool, err)
		}
	}
	h := newHouse(t)
	fingerprint := h.log.Keys()[0].Fingerprint
	run := func(t *testing.T, files map[string][]byte) (string, error) { return runScript(t, files, fingerprint) }
	for _, name := range []string{"two calls", "spans", "silenced"} {
		t.Run(name, func(t *testing.T) {
			data, m := h.pack(h.wants()[name])
			out, err := run(t, unzip(t, data))
			if err != nil || !strings.Contains(out, "Everything holds") {
				t.Fatalf("%v\n%s", err, out)
			}
			files := unzip(t, data)
			files[m.Files[0].Name][len(files[m.Files[0].Name])-40] ^= 1
			sumAgain(files)
			if out, err := run(t, files); err == nil || !strings.Contains(out, "Not everything holds") {
				t.Errorf("altered audio: %v\n%s", err, out)
			}
		})
	}
}

// TestPublicToolsRefuse shows the script packages that were made to deceive it.
func TestPublicToolsRefuse(t *testing.T) {
	h := newHouse(t)
	data, m := h.pack(h.wants()["silenced"])
	trap := filepath.Join(t.TempDir(), "trap")
	for _, row := range []struct {
		name   string
		tamper func(f map[string][]byte)
	}{
		{"no page proved", func(f map[string][]byte) {
			f[m.Files[0].Name] = []byte("forged")
			leaves, _ := parseLeaves(f[m.Files[0].Leaves])
			for i := range leaves {
				leaves[i].Offset = -1
			}
			f[m.Files[0].Leaves] = []byte(leavesText(leaves))
		}},
		{"a place that is a command", func(f map[string][]byte) {
			f[m.Files[0].Leaves] = bytes.Replace(f[m.Files[0].Leaves], []byte("0 0 "), []byte("0 a[$(touch${IFS}"+trap+")] "), 1)
		}},
		{"a recording without a proof", func(f map[string][]byte) { f["audio/more.opus"] = []byte("x") }},
		{"no recording at all", func(f map[string][]byte) {
			for name := range f {
				if strings.HasPrefix(name, "proofs/") {
					delete(f, name)
				}
			}
		}},
		{"a proof that names a file elsewhere", func(f map[string][]byte) {
			f[m.Files[0].Proof] = bytes.Replace(f[m.Files[0].Proof], []byte("file audio/"), []byte("file audio/../../"), 1)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			files := unzip(t, data)
			row.tamper(files)
			sumAgain(files)
			out, err := runScript(t, files, h.log.Keys()[0].Fingerprint)
			if err == nil || !strings.Contains(out, "Not everything holds") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("the script ran what a package says")
	}
}

// runScript unpacks a package and runs its script.
func runScript(t *testing.T, files map[string][]byte, fingerprint string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("bash", filepath.Join(dir, scriptName), fingerprint).CombinedOutput()
	return string(out), err
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Check(t.Context(), bytes.NewReader(data), int64(len(data)), "")
		if err == nil && r.Holds {
			t.Error("noise holds")
		}
	})
}

func FuzzProof(f *testing.F) {
	f.Add([]byte(proofText(proof{Entry: []byte(`{"kind":"part"}`), Index: 5, Size: 11, Hashes: make([][32]byte, 4), File: "audio/x.opus"})))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseProof(text)
		if err != nil {
			return
		}
		again, err := parseProof([]byte(proofText(p)))
		if err != nil || !bytes.Equal(again.Entry, p.Entry) || len(again.Hashes) != len(p.Hashes) {
			t.Errorf("%q does not come back: %v", text, err)
		}
	})
}

func FuzzLeaves(f *testing.F) {
	f.Add([]byte(leavesText([]leafLine{{0, 5, [32]byte{1}}, {-1, 0, [32]byte{2}}})))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := parseLeaves(text)
		if err != nil {
			return
		}
		if again, err := parseLeaves([]byte(leavesText(lines))); err != nil || len(again) != len(lines) {
			t.Errorf("%q does not come back: %v", text, err)
		}
	})
}

// TestPageKeepsSilence says that the page does not draw how loud a silenced
// stretch was.
func TestPageKeepsSilence(t *testing.T) {
	loud := earshot.Levels{StepMs: 100, Agent: bytes.Repeat([]byte{10}, 600), Customer: bytes.Repeat([]byte{10}, 600)}
	call := PackedCall{Call: earshot.Call{ID: "c"}, ToMs: 60_000}
	m := &Manifest{Silenced: []Silenced{{PackageSilence: earshot.PackageSilence{Call: "c"}, RealMs: [2]int64{0, 60_000}}}}
	if s := show(m, call, loud); s.AgentWave != "" || s.CustomerWave != "" {
		t.Errorf("the page draws %q, %q", s.AgentWave, s.CustomerWave)
	}
	if s := show(&Manifest{}, call, loud); s.AgentWave == "" || s.CustomerWave == "" {
		t.Error("the page draws nothing")
	}
}
