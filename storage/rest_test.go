package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"earshot"
	"earshot/audio/excerpt"
	"earshot/audio/mp3"
	"earshot/storage"
	"earshot/storage/files"
)

// A part that begins later is a file like any other: it can be read from any place.
func TestAudioFrom(t *testing.T) {
	h := open(t)
	packets := tone(t, 440, 5, 1, 1)
	c := stored()
	h.addPart(t, &c, 1000, twoSided(t, c, 1, start, packets, packets, true))
	c.Parts[0].DurationMs = 5000
	for n, file := range map[int][]byte{2: stereoWAV(t, earshot.PCMA, 2000), 3: []byte("OggS, and no more")} {
		p := earshot.Part{N: n, File: earshot.PartFile(c.ID, n, earshot.PCMA), Track: earshot.TrackBoth, Codec: earshot.PCMA,
			Channels: 2, StartMs: int64(n) * 10_000, DurationMs: 2000, SHA256: "x"}
		if n == 3 {
			p.Codec, p.File = earshot.Opus, earshot.PartFile(c.ID, n, earshot.Opus)
		}
		must(t, h.files.WriteWhole(p.File, file))
		c.Parts = append(c.Parts, p)
	}
	must(t, h.SaveCall(t.Context(), c))
	whole, err := h.files.ReadWhole(c.Parts[0].File)
	must(t, err)
	for _, row := range []struct {
		what   string
		n      int
		fromMs int64
		code   string
	}{
		{"the part's beginning", 1, 1000, ""},
		{"before the part", 1, 300, ""},
		{"a little later", 1, 1010, ""},
		{"in its middle", 1, 3210, ""},
		{"its last moment", 1, 5980, ""},
		{"behind it", 1, 6500, "no_audio"},
		{"nonsense", 1, 1 << 60, "bad_span"},
		{"what is not Opus", 2, 21_000, "cannot_cut"},
		{"a file that is none", 3, 31_000, "cannot_decode"},
		{"a part that is not there", 4, 0, "no_part"},
	} {
		t.Run(row.what, func(t *testing.T) {
			rest, _, err := h.AudioFrom(t.Context(), c.ID, row.n, row.fromMs)
			if row.code != "" {
				wantCode(t, err, row.code)
				return
			}
			must(t, err)
			want := whole
			if row.fromMs > 1000 {
				rest, err := excerpt.Rest(bytes.NewReader(whole), int64(len(whole)), time.Duration(row.fromMs-1000)*time.Millisecond)
				must(t, err)
				want, err = io.ReadAll(rest)
				must(t, err)
			}
			must(t, iotest.TestReader(rest, want))
			_, err = rest.Seek(-1, io.SeekStart)
			if err == nil {
				t.Error("a place before the file")
			}
			must(t, rest.Close())
			live, err := storage.LiveAudioFrom(c.Parts[0], bytes.NewReader(whole), row.fromMs)
			must(t, err)
			must(t, iotest.TestReader(live, want))
		})
	}
}

// A part of MP3 is taken up at the frame that sounds there, the first time and again.
func TestAudioFromMP3(t *testing.T) {
	h := open(t)
	c := stored()
	frame := append([]byte{0xff, 0xe3, 0x18, 0xc4, 40}, make([]byte, 67)...) // 72 ms
	file := bytes.Repeat(frame, 200)
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.MP3), Track: earshot.TrackMixed, Codec: earshot.MP3,
		Channels: 1, StartMs: 1000, DurationMs: 14_400, SHA256: "y"}}
	must(t, h.files.WriteWhole(c.Parts[0].File, file))
	must(t, h.SaveCall(t.Context(), c))
	for range 2 {
		for _, fromMs := range []int64{1000, 1001, 8000, 15_300} {
			rest, _, err := h.AudioFrom(t.Context(), c.ID, 1, fromMs)
			must(t, err)
			info, err := mp3.Scan(rest)
			must(t, err)
			same(t, "its length", info.Duration.Round(time.Millisecond), time.Duration(15_400-fromMs)*time.Millisecond)
			must(t, rest.Close())
		}
		_, _, err := h.AudioFrom(t.Context(), c.ID, 1, 15_500)
		wantCode(t, err, "no_audio")
	}
}

// leavingFiles are files of whose reader whoever asked goes away soon.
type leavingFiles struct {
	*files.Store
	leave func()
	reads *int
}

func (l leavingFiles) Open(name string) (io.ReadSeekCloser, int64, error) {
	file, size, err := l.Store.Open(name)
	return leavingFile{file, l}, size, err
}

type leavingFile struct {
	io.ReadSeekCloser
	of leavingFiles
}

func (l leavingFile) Read(p []byte) (int, error) {
	if *l.of.reads++; *l.of.reads == 5 {
		l.of.leave()
	}
	return l.ReadSeekCloser.Read(p)
}

// TestNobodyWaitsForAPlace: who has gone does not have hours of a file gone through.
func TestNobodyWaitsForAPlace(t *testing.T) {
	h := open(t)
	c := stored()
	frame := append([]byte{0xff, 0xe3, 0x18, 0xc4, 40}, make([]byte, 67)...) // 72 ms
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.MP3), Track: earshot.TrackMixed, Codec: earshot.MP3,
		Channels: 1, DurationMs: 7_200_000, SHA256: "z"}}
	must(t, h.files.WriteWhole(c.Parts[0].File, bytes.Repeat(frame, 100_000)))
	must(t, h.SaveCall(t.Context(), c))
	for what, ask := range map[string]func(ctx context.Context, a *storage.Archive) error{
		"a place": func(ctx context.Context, a *storage.Archive) error {
			_, _, err := a.AudioFrom(ctx, c.ID, 1, 7_000_000)
			return err
		},
		"a clip": func(ctx context.Context, a *storage.Archive) error {
			clip, err := a.Excerpt(ctx, c.ID, 1, 7_000_000, 7_001_000)
			must(t, err)
			n, err := clip.WriteTo(io.Discard)
			same(t, "bytes", n, int64(0))
			must(t, clip.Close())
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			reads := 0
			a := nodeOver(h.files, leavingFiles{h.files, leave, &reads}, h.index)
			if err := ask(ctx, a.Archive); !errors.Is(err, context.Canceled) || reads > 10 {
				t.Errorf("read %d times, %v", reads, err)
			}
		})
	}
}
