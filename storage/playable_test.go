package storage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/wav"
	"earshot/storage"
)

// TestPlayable has what no browser plays converted, once, and keeps no more than
// it may.
func TestPlayable(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	h := open(t)
	folder := filepath.Join(t.TempDir(), "converted")
	must(t, os.MkdirAll(folder, 0o700))
	audiotest.Write(t, filepath.Join(folder, "left.wav"), []byte("of the last run"))
	kept, err := h.KeepPlayables(folder, nil)
	must(t, err)
	defer func() { must(t, kept.Close()) }()
	if _, err := os.Stat(filepath.Join(folder, "left.wav")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder was not emptied")
	}

	c := stored()
	c.Parts = nil
	add := func(n int, codec earshot.Codec, file []byte) {
		sum := sha256.Sum256(file)
		part := earshot.Part{N: n, File: earshot.PartFile(c.ID, n, codec), Track: earshot.TrackMixed, Codec: codec, Channels: 1,
			StartMs: int64(n) * 4000, DurationMs: 4000, Bytes: int64(len(file)), SHA256: hex.EncodeToString(sum[:])}
		must(t, h.files.WriteWhole(part.File, file))
		c.Parts = append(c.Parts, part)
	}
	for n, args := range []string{"-r 8000 -c 1 -e ima-adpcm", "-r 8000 -c 1 -e gsm-full-rate"} {
		codec := []earshot.Codec{earshot.ADPCM, earshot.GSM}[n]
		add(n+1, codec, audiotest.Read(t, audiotest.Form{Program: "sox", Args: args, Ending: ".wav"}.Make(t, source, dir)))
	}
	add(3, earshot.GSM, []byte("RIFF\x04\x00\x00\x00WAVE"))
	must(t, h.SaveCall(t.Context(), c))

	var asking sync.WaitGroup
	for range 4 { // at the same time
		asking.Go(func() {
			for n := 1; n <= 2; n++ {
				file, part, err := h.Playable(t.Context(), c.ID, n)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(file)
				if err = errors.Join(err, file.Close()); err != nil {
					t.Error(err)
				}
				f, err := wav.Parse(bytes.NewReader(b), int64(len(b)))
				if err != nil || f.HeaderLies || f.Torn || f.Duration() != 4*time.Second || f.Encoding != wav.PCM || part.N != n {
					t.Errorf("part %d: %+v, %v", n, f, err)
				}
			}
		})
	}
	asking.Wait()
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 2 {
		t.Errorf("%d files are kept, %v", len(entries), err)
	}
	_, _, err = h.Playable(t.Context(), c.ID, 3)
	wantCode(t, err, "cannot_decode")
	_, _, err = h.Playable(t.Context(), c.ID, 9)
	wantCode(t, err, "no_part")
	_, _, err = h.Playable(t.Context(), earshot.NewID(start), 1)
	wantCode(t, err, "no_call")

	for n := range 2 {
		must(t, storage.ForgetPlayable(h.Archive, c.Parts[n]))
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("%d files outlive their parts, %v", len(entries), err)
	}
	storage.KeepAtMost(h.Archive, 100_000)
	for n := 1; n <= 2; n++ {
		file, _, err := h.Playable(t.Context(), c.ID, n)
		must(t, err)
		must(t, file.Close())
	}
	if _, err := os.Stat(filepath.Join(folder, c.Parts[1].SHA256+".wav")); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%d files are kept of those that there is no room for, %v", len(entries), err)
	}
	storage.KeepAtMost(h.Archive, 1000)
	_, _, err = h.Playable(t.Context(), c.ID, 1)
	wantCode(t, err, "no_room_to_convert")
}

// TestPlayableWithoutFFmpeg says so.
func TestPlayableWithoutFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	h := open(t)
	c := stored()
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.GSM), Track: earshot.TrackMixed, Codec: earshot.GSM, Channels: 1, SHA256: hex.EncodeToString(make([]byte, 32))}}
	must(t, h.SaveCall(t.Context(), c))
	_, _, err := h.Playable(t.Context(), c.ID, 1) // no folder
	wantCode(t, err, "no_converter")
	kept, err := h.KeepPlayables(filepath.Join(t.TempDir(), "converted"), nil)
	must(t, err)
	defer func() { must(t, kept.Close()) }()
	_, _, err = h.Playable(t.Context(), c.ID, 1)
	wantCode(t, err, "no_converter")
}

// withChunk is a WAVE file with a chunk of so many bytes before what says its form,
// as recorders write them.
func withChunk(file []byte, bytes int) []byte {
	chunk := binary.LittleEndian.AppendUint32([]byte("LIST"), uint32(bytes))
	out := append(append([]byte(nil), file[:12]...), append(chunk, make([]byte, bytes)...)...)
	out = append(out, file[12:]...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// TestPlayableForms has files converted whose form stands anywhere, as far as the
// disk has room that is not for recording.
func TestPlayableForms(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "sox", Args: "-r 8000 -c 1 -e gsm-full-rate", Ending: ".wav"}.Make(t, audiotest.Source(t, dir), dir))
	const made = 4 * 8000 * 2 // bytes
	for _, row := range []struct {
		what       string
		file       []byte
		free, keep uint64
		broken     error
		code       string
	}{
		{"as sox writes it", file, 1 << 30, 0, nil, ""},
		{"a small chunk before its form", withChunk(file, 1000), 1 << 30, 0, nil, ""},
		{"a chunk of 64 KiB before its form", withChunk(file, 64<<10), 1 << 30, 0, nil, ""},
		{"a chunk of 3 MB before its form", withChunk(file, 3_000_000), 1 << 30, 0, nil, ""},
		{"room for just that", file, 5<<30 + made, 5 << 30, nil, ""},
		{"a byte too little beside what is for recording", file, 5<<30 + made - 1, 5 << 30, nil, "no_room_to_convert"},
		{"less than is for recording", file, 1 << 30, 5 << 30, nil, "no_room_to_convert"},
		{"nobody knows how much room there is", file, 0, 0, errors.New("the disk is gone"), ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			h := open(t)
			kept, err := h.KeepPlayables(filepath.Join(t.TempDir(), "converted"), func() (free, keep uint64, err error) {
				return row.free, row.keep, row.broken
			})
			must(t, err)
			defer func() { must(t, kept.Close()) }()
			c, sum := stored(), sha256.Sum256(row.file)
			c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.GSM), Track: earshot.TrackMixed, Codec: earshot.GSM, Channels: 1,
				DurationMs: 4000, Bytes: int64(len(row.file)), SHA256: hex.EncodeToString(sum[:])}}
			must(t, h.files.WriteWhole(c.Parts[0].File, row.file))
			must(t, h.SaveCall(t.Context(), c))
			playable, _, err := h.Playable(t.Context(), c.ID, 1)
			switch {
			case row.broken != nil:
				if !errors.Is(err, row.broken) {
					t.Fatal(err)
				}
				return
			case row.code != "":
				wantCode(t, err, row.code)
				return
			}
			must(t, err)
			info, err := playable.Stat()
			must(t, err)
			same(t, "bytes", info.Size(), int64(wav.HeaderBytes+made))
			must(t, playable.Close())
		})
	}
}
