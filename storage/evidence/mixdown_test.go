package evidence

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
)

const demo = "../../ingest/seat/demo/"

// TestMixIsWhatWasSaid mixes a conversation whose sides lie in two files and
// compares it with what ffmpeg makes of them, by how loud each tenth of a second
// is.
func TestMixIsWhatWasSaid(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is needed to know what should be heard")
	}
	const fromMs, toMs = 5000, 25_000
	var voices []voice
	want := make([]float64, (toMs-fromMs)*mixRate/1000)
	for i, side := range []string{"agent", "customer"} {
		name := demo + "water-bill-" + side + ".opus"
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		start := int64(i) * 1500 // the customer's part begins later
		voices = append(voices, voice{start, file, earshot.Part{N: i + 1, Codec: earshot.Opus}, false})
		out, err := exec.Command("ffmpeg", "-v", "error", "-i", name, "-ac", "1", "-ar", "16000", "-f", "s16le", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		for k := range len(out) / 2 {
			at := int64(k) + (start-fromMs)*mixRate/1000
			if at >= 0 && at < int64(len(want)) {
				want[at] += float64(int16(binary.LittleEndian.Uint16(out[2*k:])))
			}
		}
	}
	var mix bytes.Buffer
	if err := mixdown(t.Context(), &mix, voices, fromMs, toMs); err != nil {
		t.Fatal(err)
	}
	r, err := wav.NewReader(bytes.NewReader(mix.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if r.Rate != mixRate || r.Channels != 1 || r.DataBytes != int64(2*len(want)) {
		t.Fatalf("%+v", r.Info)
	}
	got := make([]float64, len(want))
	for i := range got {
		got[i] = float64(int16(binary.LittleEndian.Uint16(mix.Bytes()[wav.HeaderBytes+2*i:])))
	}
	if c := correlation(envelope(got), envelope(want)); c < 0.97 {
		t.Errorf("the mix's loudness correlates with what was said by %.3f", c)
	}
}

func envelope(samples []float64) []float64 {
	var out []float64
	for ; len(samples) >= mixChunk; samples = samples[mixChunk:] {
		sum := 0.0
		for _, v := range samples[:mixChunk] {
			sum += v * v
		}
		out = append(out, math.Log10(1+sum/mixChunk))
	}
	return out
}

func correlation(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma, mb = ma+a[i]/float64(len(a)), mb+b[i]/float64(len(b))
	}
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+(a[i]-ma)*(b[i]-mb), aa+(a[i]-ma)*(a[i]-ma), bb+(b[i]-mb)*(b[i]-mb)
	}
	return ab / math.Sqrt(aa*bb)
}

// TestMixKeepsPlaces says that a hole in a file, or a file that begins late,
// moves nothing that comes after it.
func TestMixKeepsPlaces(t *testing.T) {
	whole, err := os.ReadFile(demo + "water-bill-agent.opus")
	if err != nil {
		t.Fatal(err)
	}
	render := func(file []byte) []byte {
		var out bytes.Buffer
		err := mixdown(t.Context(), &out, []voice{{0, bytes.NewReader(file), earshot.Part{N: 1, Codec: earshot.Opus}, false}}, 0, 20_000)
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	// The page in the middle goes; the decoder needs a moment to be right again.
	s, offsets := ogg.NewScanner(bytes.NewReader(whole)), []int64{}
	for {
		page, err := s.Next()
		if err != nil {
			break
		}
		offsets = append(offsets, page.Offset)
	}
	holed := append(bytes.Clone(whole[:offsets[5]]), whole[offsets[6]:]...)
	a, b := render(whole), render(holed)
	if len(a) != len(b) {
		t.Fatalf("%d bytes instead of %d", len(b), len(a))
	}
	tail := len(a) / 2 &^ 1
	same := 0
	for i := tail; i < len(a); i += 2 {
		x, y := int16(binary.LittleEndian.Uint16(a[i:])), int16(binary.LittleEndian.Uint16(b[i:]))
		if max(x, y)-min(x, y) <= 2 {
			same++
		}
	}
	if share := float64(same) / float64((len(a)-tail)/2); share < 0.99 {
		t.Errorf("behind the hole %.3f of the samples are in their places", share)
	}
}

func TestLock(t *testing.T) {
	var locked bytes.Buffer
	w, err := Lock(&locked, "correct horse battery", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("PK secret")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !Locked(locked.Bytes()) || bytes.Contains(locked.Bytes(), []byte("secret")) {
		t.Error("it is not encrypted")
	}
	plain, err := Unlock(bytes.NewReader(locked.Bytes()), "correct horse battery", nil)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(plain); err != nil || text.String() != "PK secret" {
		t.Errorf("%q, %v", text.String(), err)
	}
	for _, passphrase := range []string{"", "wrong horse battery"} {
		if _, err := Unlock(bytes.NewReader(locked.Bytes()), passphrase, nil); earshot.AsError(err).Code != "locked" {
			t.Errorf("%q: %v", passphrase, err)
		}
	}
	for code, give := range map[string][2]string{"bad_passphrase": {"short", ""}, "bad_recipient": {"", "age1nonsense"}} {
		if err := CheckLock(give[0], give[1]); earshot.AsError(err).Code != code {
			t.Errorf("%v: %v", give, err)
		}
	}
}

// TestCover draws a cover sheet with the font that the dashboard's build brings
// and reads it back.
func TestCover(t *testing.T) {
	font, err := os.ReadFile(filepath.FromSlash("../../web/node_modules/@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"))
	if err != nil {
		t.Fatalf("the dashboard's packages are not installed (make build): %v", err)
	}
	h := newHouse(t)
	_, m := h.pack(h.wants()["silenced"])
	var out bytes.Buffer
	if err := Cover(&out, m, strings.Repeat("ab", 32), font, h.input(h.wants()["silenced"]).Zone); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), []byte("%PDF-")) || out.Len() < 20_000 {
		t.Fatalf("%d bytes that are no sheet", out.Len())
	}
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Fatal("pdftotext is needed to read the sheet back (scripts/setup-test)")
	}
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(out.Bytes())
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	squeezed := strings.Join(strings.Fields(string(text)), "")
	for _, want := range []string{"用户投诉4711", "城东水务", m.Files[0].SHA256, strings.ReplaceAll(m.Ledger.Fingerprint, " ", "")} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("the sheet does not say %q", want)
		}
	}
}
