package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/levels"
	"earshot/audio/pcm"
	"earshot/audio/probe"
	"earshot/storage"
	"earshot/storage/convert"
)

// referenceLevels are those of what the ffmpeg command decodes.
func referenceLevels(t *testing.T, name string, a probe.Audio) [2][]byte {
	t.Helper()
	raw := audiotest.Run(t, "ffmpeg", "-v", "error", "-nostdin", "-i", name, "-f", "s16le", "-ac", fmt.Sprint(a.Channels), "-ar", fmt.Sprint(a.Rate), "-")
	samples := make([]int16, len(raw)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	var sides [2][]byte
	for c := range min(a.Channels, 2) {
		one := pcm.Channel(nil, samples, a.Channels, c)
		for step := range int((a.Duration + 99*time.Millisecond) / (100 * time.Millisecond)) {
			from, to := min(step*a.Rate/10, len(one)), min((step+1)*a.Rate/10, len(one))
			sides[c] = append(sides[c], levels.OfPCM(one[from:to]))
		}
	}
	return sides
}

// farthest is by how many dB two waveforms differ, of what can be heard in either.
func farthest(a, b []byte) (worst, step int) {
	const heard = 50 // −50 dBov
	for i := range min(len(a), len(b)) {
		x, y := min(int(a[i]), heard), min(int(b[i]), heard)
		if d := max(x-y, y-x); d > worst {
			worst, step = d, i
		}
	}
	return worst, step
}

// TestWaveformsAgainstFFmpeg measures files of every form, with ffmpeg and without
// it, and holds the levels against those of what ffmpeg decodes: two decibels at
// most lie between them wherever there is something to be heard.
func TestWaveformsAgainstFFmpeg(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "lame", "sox")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, form := range slices.Concat(audiotest.MP3Forms(), audiotest.WAVForms()) {
		t.Run(form.Name(), func(t *testing.T) {
			t.Parallel()
			name := form.Make(t, source, dir)
			file := audiotest.Read(t, name)
			a, err := probe.File(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			want := referenceLevels(t, name, a)
			part := earshot.Part{N: 1, Codec: a.Codec, Channels: a.Channels, Track: earshot.TrackBoth, DurationMs: a.Duration.Milliseconds()}
			for _, c := range []*convert.Converter{convert.New(), {}} {
				agent, customer, err := storage.Measure(t.Context(), c, part, bytes.NewReader(file))
				if !c.Installed() && !a.Trusted {
					if code := storage.WhyNoWaveform(err); code != probe.NoWaveformNoFFmpeg {
						t.Errorf("without ffmpeg: %q, %v", code, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("installed %v: %v", c.Installed(), err)
					continue
				}
				got := [2][]byte{agent, customer}
				for side := range a.Channels {
					if worst, step := farthest(got[side], want[side]); worst > 2 || len(got[side]) != len(want[side]) {
						t.Errorf("installed %v, side %d: %d dB apart at %d ms; %d steps instead of %d", c.Installed(), side, worst, 100*step, len(got[side]), len(want[side]))
					}
				}
				if loudest := slices.Min(got[0]); loudest > 25 {
					t.Errorf("the loudest step has %d", loudest)
				}
			}
		})
	}
}

// TestWaveformOfDamage says what is measured of damaged files, and what is said of
// those that nothing can decode.
func TestWaveformOfDamage(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "lame", "sox")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	mp3 := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-b 64 -t", Ending: ".mp3"}.Make(t, source, dir))
	adpcm := audiotest.Read(t, audiotest.Form{Program: "sox", Args: "-r 8000 -c 1 -e ima-adpcm", Ending: ".wav"}.Make(t, source, dir))
	half := len(mp3) / 2
	for _, c := range []struct {
		name  string
		codec earshot.Codec
		file  []byte
		steps int // that can be heard, at least
		code  string
	}{
		{"whole", earshot.MP3, mp3, 12, ""},
		{"noise inside", earshot.MP3, slices.Concat(mp3[:half], bytes.Repeat([]byte{0xff, 0x12}, 2000), mp3[half:]), 11, ""},
		{"twice", earshot.MP3, slices.Concat(mp3, mp3), 24, ""},
		{"torn", earshot.MP3, mp3[:half], 5, ""},
		{"a page of the web", earshot.MP3, bytes.Repeat([]byte("<html>"), 1000), 0, probe.NoWaveformDamaged},
		{"torn ADPCM", earshot.ADPCM, adpcm[:len(adpcm)/2], 5, ""},
		{"no ADPCM", earshot.ADPCM, adpcm[:40], 0, probe.NoWaveformDamaged},
	} {
		part := earshot.Part{N: 1, Codec: c.codec, Track: earshot.TrackMixed, DurationMs: 9000}
		agent, _, err := storage.Measure(t.Context(), convert.New(), part, bytes.NewReader(c.file))
		if code := storage.WhyNoWaveform(err); code != c.code || (err != nil) != (c.code != "") {
			t.Errorf("%s: %q, %v", c.name, code, err)
		}
		heard := 0
		for _, level := range agent {
			if level < 40 {
				heard++
			}
		}
		if heard < c.steps {
			t.Errorf("%s: %d steps can be heard", c.name, heard)
		}
	}
}

// TestNoDrift measures an hour at a rate whose tenth of a second is no whole
// number of samples: its last sound is where it is.
func TestNoDrift(t *testing.T) {
	const rate, seconds = 11025, 3600
	name := filepath.Join(t.TempDir(), "hour.wav")
	data := make([]byte, rate*seconds)
	for i := range data {
		data[i] = 0xd5
		if i >= rate*(seconds-1) {
			data[i] = byte(i * 37)
		}
	}
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x06\x00\x01\x00\x11\x2b\x00\x00\x11\x2b\x00\x00\x01\x00\x08\x00data")
	audiotest.Write(t, name, append(binary.LittleEndian.AppendUint32(head, uint32(len(data))), data...))
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	part := earshot.Part{N: 1, Codec: earshot.PCMA, Track: earshot.TrackMixed, DurationMs: seconds * 1000}
	agent, _, err := storage.Measure(t.Context(), &convert.Converter{}, part, file)
	if err != nil || len(agent) != seconds*10 {
		t.Fatalf("%d steps, %v", len(agent), err)
	}
	first := slices.IndexFunc(agent, func(level byte) bool { return level < 40 })
	if first != (seconds-1)*10 {
		t.Errorf("the sound begins at step %d", first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := storage.Measure(ctx, &convert.Converter{}, part, file); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhyNoWaveformIsRemarked has the archive say on the call why there is no
// waveform, and take it back once there is one.
func TestWhyNoWaveformIsRemarked(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "sox", Args: "-r 8000 -c 1 -e ima-adpcm", Ending: ".wav"}.Make(t, audiotest.Source(t, dir), dir))
	path := os.Getenv("PATH")
	t.Setenv("PATH", dir)
	h := open(t)
	c := stored()
	c.DurationMs = 4000
	c.Origin = &earshot.Origin{Batch: "b", Path: "a.wav", At: earshot.At(start), By: "cli", Remarks: []string{"torn"}}
	c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.ADPCM), Track: earshot.TrackMixed, Codec: earshot.ADPCM, Channels: 1, DurationMs: 4000, SHA256: "x"}}
	must(t, h.files.WriteWhole(c.Parts[0].File, file))
	must(t, h.SaveCall(t.Context(), c))
	for range 2 {
		got, err := h.Levels(t.Context(), c.ID)
		must(t, err)
		same(t, "its levels", slices.Min(got.Agent), byte(earshot.LevelGap))
		c, err := h.Call(t.Context(), c.ID)
		must(t, err)
		same(t, "its remarks", c.Origin.Remarks, []string{"torn", probe.NoWaveformNoFFmpeg})
	}
	t.Setenv("PATH", path)
	again := storage.New(h.files, h.index, storage.Options{Now: func() time.Time { return now }})
	got, err := again.Levels(t.Context(), c.ID)
	must(t, err)
	if loudest := slices.Min(got.Agent); loudest > 30 {
		t.Errorf("the loudest step has %d", loudest)
	}
	c, err = again.Call(t.Context(), c.ID)
	must(t, err)
	same(t, "its remarks", c.Origin.Remarks, []string{"torn"})
}
