package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/ogg/oggtest"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// FuzzMend makes whole what a crash may have left of a part: whatever the bytes,
// and whether or not their checksums are right, what comes out is a complete file
// of no more than them, and mending it once more changes nothing.
func FuzzMend(f *testing.F) {
	w := ogg.NewWriter(7)
	file := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{Vendor: "v", Comments: []string{"EARSHOT_SEAT=hall-1", "EARSHOT_START=2026-11-21T08:00:00.123Z"}})
	for i := range 6 {
		packet, err := opus.SelfDelimit(nil, []byte{0x78, byte(i)})
		if err != nil {
			f.Fatal(err)
		}
		if file = w.Packet(file, append(packet, 0x78, 9), int64(i+1)*960); i%2 == 1 {
			file = w.Flush(file)
		}
	}
	f.Add(file, false)
	f.Add(file[:len(file)-5], true)
	f.Add(append(bytes.Clone(file), make([]byte, 100)...), true)
	f.Add(file[20:], false)
	g711 := append(wav.AppendHeader(nil, wav.ALaw, 2, 0), 1, 2, 3, 4, 5)
	f.Add(g711, false)
	f.Add(g711[:40], false)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = oggtest.Reseal(data)
		}
		for _, codec := range []earshot.Codec{earshot.Opus, earshot.PCMA} {
			m, err := mend(bytes.Clone(data), codec)
			if err != nil {
				if !errors.Is(err, errNoAudio) && !errors.Is(err, errUnreadable) {
					t.Fatalf("%s: %v", codec, err)
				}
				continue
			}
			checkMended(t, codec, data, m)
		}
	})
}

func checkMended(t *testing.T, codec earshot.Codec, data []byte, m mended) {
	t.Helper()
	if len(m.audio) > len(data)+1 || m.cut < 0 || m.cut > len(data) || m.durationMs < 0 || m.part.Channels < 1 {
		t.Fatalf("%s: %d of %d bytes, %d cut, %d ms, %+v", codec, len(m.audio), len(data), m.cut, m.durationMs, m.part)
	}
	for _, d := range m.damaged {
		if d.fromMs < 0 || d.toMs < 0 {
			t.Fatalf("damage %+v", d)
		}
	}
	again, err := mend(bytes.Clone(m.audio), codec)
	if err != nil || !bytes.Equal(again.audio, m.audio) || again.durationMs != m.durationMs || again.cut > 1 {
		t.Fatalf("mended again: %d ms instead of %d, %d bytes cut, %v", again.durationMs, m.durationMs, again.cut, err)
	}
	if codec == earshot.Opus {
		if _, offset, err := ogg.LastGranule(bytes.NewReader(m.audio), int64(len(m.audio)), serialOf(t, m.audio)); err != nil || m.audio[offset+5]&ogg.Last == 0 {
			t.Fatalf("its last page, at %d, is not marked so: %v", offset, err)
		}
		return
	}
	if r, err := wav.NewReader(bytes.NewReader(m.audio)); err != nil || r.DataOffset+r.DataBytes > int64(len(m.audio)) {
		t.Fatalf("%+v in %d bytes: %v", r, len(m.audio), err)
	}
}

func serialOf(t *testing.T, file []byte) uint32 {
	t.Helper()
	r, err := ogg.NewOpusReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r.Serial()
}

const fuzzCall = "019a9000-0000-7000-8000-000000000001"

// FuzzCallFile reads any bytes as a call's own file: what is taken is a call that
// can be written, and is the same when it is read again.
func FuzzCallFile(f *testing.F) {
	whole := earshot.Call{ID: fuzzCall, Seat: "hall-1", State: earshot.CallStored, StartedAt: earshot.AtMs(1_760_000_000_000),
		Parts: []earshot.Part{{N: 1, File: "x", Track: earshot.TrackBoth, Codec: earshot.Opus}},
		Gaps:  []earshot.Gap{{Side: earshot.SideAgent, StartMs: 5, EndMs: 9, Cause: earshot.CauseLost}},
		Marks: []earshot.Mark{{ID: "m", Kind: earshot.MarkPause, Text: "密码"}}, Tags: []string{"投诉"}}.Clone()
	text, err := json.Marshal(whole)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, seed := range []string{
		`{"id":"` + fuzzCall + `","state":"live","startedAt":"9999-12-31T23:59:59-01:00"}`,
		`{"id":"` + fuzzCall + `","state":"live","startedAt":"0000-01-01T00:00:00+01:00"}`,
		`{"id":"` + fuzzCall + `","state":"deleted","startedAt":"2026-01-01T00:00:00Z","deleted":{"at":"2026-01-02T00:00:00Z","by":"x","policy":"p","reason":"nightly"}}`,
		`{"id":"` + fuzzCall + `","ID":"other","state":"stored","startedAt":"2026-01-01T00:00:00Z","tags":null,"parts":[{"n":1},{"n":1}]}`,
		`{"id":"` + fuzzCall + `","state":"stored","startedAt":"2026-01-01T00:00:00Z","rating":3,"agent":{"id":"1","name":"\ud800"},"holds":[{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		call, err := parseCallFile(fuzzCall, text)
		if err != nil {
			return
		}
		written, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseCallFile(fuzzCall, written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if d := differences(call, again); len(d) > 0 {
			t.Fatalf("%v differ: %s", d, written)
		}
	})
}
