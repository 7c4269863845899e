package evidence

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"earshot"
	"earshot/audio/wav"
)

// TestBroughtInGoesInWhole packs originals of older recorders: whole, whatever
// span is asked for, with what is to be heard of them in the mix. A stretch in
// them cannot be silenced, and nothing is handed over as if it were.
func TestBroughtInGoesInWhole(t *testing.T) {
	h := newHouse(t)
	h.calls = nil
	wave := wavFile(60)
	for _, codec := range []earshot.Codec{earshot.MP3, earshot.GSM, earshot.PCM, earshot.PCMA} {
		audio := bytes.Repeat([]byte("not ours, "+string(codec)+"! "), 30_000)
		if codec == earshot.PCMA {
			audio = wave // as ours, but it is not known to be
		}
		h.addBrought(codec, audio)
	}
	if _, err := h.log.Sign(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, call := range h.calls {
		part := call.Parts[0]
		t.Run(string(part.Codec), func(t *testing.T) {
			in := h.input(earshot.Package{Title: "t", Reason: "r", Calls: []earshot.PackageCall{{Call: call.ID, FromMs: 10_000, ToMs: 20_000}}})
			in.Decode = func(_ context.Context, p earshot.Part, file io.ReadSeeker, rate int, w io.Writer) error {
				if b, err := io.ReadAll(file); err != nil || !bytes.Equal(b, h.files[part.File]) || p.N != 1 {
					t.Errorf("another file is to be decoded: %d bytes, %v", len(b), err)
				}
				if part.Codec == earshot.GSM {
					return ErrUndecodable
				}
				for i := range 60 * rate {
					if err := binary.Write(w, binary.LittleEndian, int16(i/rate*100)); err != nil {
						return err
					}
				}
				return nil
			}
			var out bytes.Buffer
			m, err := Write(t.Context(), &out, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			files := unzip(t, out.Bytes())
			if f := m.Files[0]; !f.Whole || f.SHA256 != part.SHA256 || f.FromMs != 10_000 || f.ToMs != 20_000 {
				t.Errorf("%+v", f)
			}
			if r := check(t, out.Bytes(), ""); len(r.Findings) > 0 {
				t.Errorf("%+v", r.Findings)
			}
			if !bytes.Equal(files[m.Files[0].Name], h.files[part.File]) {
				t.Error("the original is not in the package as it is")
			}
			if part.Codec == earshot.GSM {
				if m.Calls[0].Mix != "" {
					t.Error("a mix of what nobody can decode")
				}
			} else {
				mix := files[m.Calls[0].Mix]
				if got := int16(binary.LittleEndian.Uint16(mix[wav.HeaderBytes+2*16000*5:])); got != 1500 {
					t.Errorf("15 s into the call the mix has %d", got)
				}
			}
			want := earshot.PackageSilence{Call: call.ID, FromMs: 12_000, ToMs: 13_000, Reason: "x"}
			in.Package.Silence = []earshot.PackageSilence{want}
			if _, err := Write(t.Context(), io.Discard, in, nil); !errors.Is(err, ErrCannotSilence) {
				t.Errorf("silenced: %v", err)
			}
		})
	}
	if err := CheckSilence(h.calls[0], []earshot.PackageSilence{{Call: "another", ToMs: 9000}, {Call: h.calls[0].ID, FromMs: 60_000, ToMs: 61_000}}); err != nil {
		t.Errorf("what is silenced elsewhere: %v", err)
	}
}

// addBrought adds a call that was brought in.
func (h *house) addBrought(codec earshot.Codec, audio []byte) {
	h.t.Helper()
	h.add(codec, audio)
	call := &h.calls[len(h.calls)-1]
	call.Origin = &earshot.Origin{Batch: "b", Path: "old/a", Remarks: []string{}}
	call.Gaps = []earshot.Gap{}
}
