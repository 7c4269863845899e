package storage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
)

// cutOut is the clip of a span as a file.
func (h *house) cutOut(t *testing.T, id string, n int, from, to int64) ([]byte, earshot.Part, error) {
	t.Helper()
	clip, err := h.Excerpt(t.Context(), id, n, from, to)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	var out bytes.Buffer
	written, err := clip.WriteTo(&out)
	same(t, "bytes said to be written", written, int64(out.Len()))
	return out.Bytes(), clip.Part, errors.Join(err, clip.Close())
}

func TestExcerpt(t *testing.T) {
	h := open(t)
	packets := tone(t, 440, 5, 1, 1)
	c := stored()
	h.addPart(t, &c, 1000, twoSided(t, c, 1, start, packets, packets, true))
	h.addPart(t, &c, 10000, twoSided(t, c, 2, start, packets, packets, true))
	c.Parts[0].DurationMs, c.Parts[1].DurationMs = 5000, 5000
	wave := stereoWAV(t, earshot.PCMA, 2000)
	must(t, h.files.WriteWhole(earshot.PartFile(c.ID, 3, earshot.PCMA), wave))
	c.Parts = append(c.Parts, earshot.Part{N: 3, File: earshot.PartFile(c.ID, 3, earshot.PCMA), Track: earshot.TrackBoth,
		Codec: earshot.PCMA, Channels: 2, StartMs: 20000, DurationMs: 2000, SHA256: "x"},
		earshot.Part{N: 4, File: "2026/11/21/x-4.wav", Track: earshot.TrackMixed, Codec: earshot.GSM, Channels: 1, StartMs: 30000, DurationMs: 2000, SHA256: "x"},
		earshot.Part{N: 5, File: "2026/11/21/x-5.opus", Track: earshot.TrackHelper, Codec: earshot.Opus, Channels: 1, StartMs: 40000, DurationMs: 2000, SHA256: "x"})
	must(t, h.files.WriteWhole("2026/11/21/x-4.wav", []byte("RIFF\x04\x00\x00\x00WAVE")))
	must(t, h.SaveCall(t.Context(), c))
	for _, row := range []struct {
		what     string
		n        int
		from, to int64
		part     int
		code     string
	}{
		{"inside a part", 0, 2000, 4000, 1, ""},
		{"cut to the part", 0, 0, 2500, 1, ""},
		{"the second part", 0, 12000, 14000, 2, ""},
		{"G.711", 0, 20500, 21000, 3, ""},
		{"to the end of a part", 3, 20500, 0, 3, ""},
		{"several parts", 0, 5000, 11000, 0, "many_parts"},
		{"the first of several", 1, 5000, 11000, 1, ""},
		{"the second of several", 2, 5000, 11000, 2, ""},
		{"beside the part that is named", 2, 2000, 4000, 0, "no_audio"},
		{"a part that is not there", 9, 2000, 4000, 0, "no_part"},
		{"between parts", 0, 7000, 8000, 0, "no_audio"},
		{"only a helper spoke", 0, 40000, 41000, 0, "no_audio"},
		{"backwards", 0, 4000, 2000, 0, "bad_span"},
		{"before the call", 0, -1, 2000, 0, "bad_span"},
		{"nonsense", 0, 0, 1 << 60, 0, "bad_span"},
		{"a file that cannot be cut", 0, 30000, 31000, 0, "cannot_cut"},
	} {
		t.Run(row.what, func(t *testing.T) {
			audio, part, err := h.cutOut(t, c.ID, row.n, row.from, row.to)
			if row.code != "" {
				wantCode(t, err, row.code)
				return
			}
			must(t, err)
			same(t, "part", part.N, row.part)
			playable(t, audio)
		})
	}
	_, _, err := h.cutOut(t, earshot.NewID(start), 0, 0, 1)
	wantCode(t, err, "no_call")
	must(t, h.files.Remove(c.Parts[0].File))
	_, _, err = h.cutOut(t, c.ID, 0, 2000, 3000)
	wantCode(t, err, "no_part")
}

// A clip has the packets that were recorded, byte for byte and one after another:
// nothing is coded again, nothing comes in between.
func TestClipHasTheOriginalPackets(t *testing.T) {
	h := open(t)
	agent, customer := tone(t, 440, 5, 1, 1), tone(t, 880, 5, 0.5, 1)
	c := stored()
	h.addPart(t, &c, 1000, twoSided(t, c, 1, start, agent, customer, true))
	c.Parts[0].DurationMs = 5000
	wave := stereoWAV(t, earshot.PCMU, 2000)
	sum := sha256.Sum256(wave)
	c.Parts = append(c.Parts, earshot.Part{N: 2, File: earshot.PartFile(c.ID, 2, earshot.PCMU), Track: earshot.TrackBoth,
		Codec: earshot.PCMU, Channels: 2, StartMs: 20000, DurationMs: 2000, Bytes: int64(len(wave)), SHA256: hex.EncodeToString(sum[:])})
	must(t, h.files.WriteWhole(c.Parts[1].File, wave))
	must(t, h.SaveCall(t.Context(), c))

	for _, span := range [][2]int64{{1000, 6000}, {2000, 4000}, {2345, 2399}, {5990, 6000}, {0, 1020}} {
		clip, _, err := h.cutOut(t, c.ID, 0, span[0], span[1])
		must(t, err)
		whole, taken := packetsOf(t, h.audio(t, c.ID, 1)), packetsOf(t, clip)
		// Up to 80 ms before the span let a decoder find its way in.
		from := max(span[0]-1000, 0)
		const preSkip = 312
		first := max(from*48+preSkip-3840, 0) / 960
		last := min((span[1]-1000)*48+preSkip-1, 250*960-1) / 960
		if !slices.EqualFunc(taken, whole[first:last+1], bytes.Equal) {
			t.Errorf("%v: %d packets, want %d to %d of the recording", span, len(taken), first, last)
		}
	}

	clip, _, err := h.cutOut(t, c.ID, 0, 20500, 20750)
	must(t, err)
	if got, want := clip[wav.HeaderBytes:], wave[wav.HeaderBytes+500*16:][:250*16]; !bytes.Equal(got, want) {
		t.Errorf("%d bytes of G.711, not the %d that were recorded", len(got), len(want))
	}
}

// packetsOf are the audio packets of an Ogg Opus file that must be whole.
func packetsOf(t *testing.T, file []byte) (packets [][]byte) {
	t.Helper()
	r, err := ogg.NewOpusReader(bytes.NewReader(file))
	must(t, err)
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			same(t, "damage", len(r.Damage()), 0)
			return packets
		}
		must(t, err)
		packets = append(packets, bytes.Clone(p.Data))
	}
}
