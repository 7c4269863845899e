package excerpt

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"earshot/audio/audiotest"
	"earshot/audio/wav"
)

// TestBlocks cuts files that can only be cut between blocks.
func TestBlocks(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, args := range []string{
		"-r 8000 -c 1 -e ms-adpcm", "-r 11025 -e ms-adpcm", "-r 8000 -c 1 -e ima-adpcm", "-r 8000 -e ima-adpcm", "-r 8000 -c 1 -e gsm-full-rate",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			name := audiotest.Form{Program: "sox", Args: args, Ending: ".wav"}.Make(t, source, dir)
			file := audiotest.Read(t, name)
			f, err := wav.Parse(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			whole := samplesOf(t, name)
			for _, span := range [][2]time.Duration{{1234 * time.Millisecond, 2600 * time.Millisecond}, {0, time.Second}, {2900 * time.Millisecond, 0}, {0, 0}} {
				var out bytes.Buffer
				long, err := WAV(&out, bytes.NewReader(file), int64(len(file)), span[0], span[1])
				if err != nil {
					t.Fatal(err)
				}
				cut := filepath.Join(t.TempDir(), "cut.wav")
				audiotest.Write(t, cut, out.Bytes())
				got := samplesOf(t, cut)
				block := span[0].Seconds() * float64(f.Rate) / float64(f.BlockSamples)
				from := int(block) * f.BlockSamples
				want := whole[from:]
				// GSM remembers what came before: its first frames settle.
				settle := 0
				if f.Encoding == wav.GSM && from > 0 {
					settle = 4 * f.BlockSamples
				}
				n := min(len(got), len(want))
				if db := noiseDB(got[settle:n], want[settle:n]); db < 40 {
					t.Errorf("%v: %.1f dB", span, db)
				}
				asked := audiotest.SourceSeconds*time.Second - span[0]
				if span[1] > 0 {
					asked = span[1] - span[0]
				}
				slack := 2 * time.Duration(f.BlockSamples) * time.Second / time.Duration(f.Rate)
				if long < asked || long > asked+slack {
					t.Errorf("%v: it is %v long", span, long)
				}
				again, err := wav.Parse(bytes.NewReader(out.Bytes()), int64(out.Len()))
				if err != nil || again.HeaderLies || again.Torn || again.Duration() != long {
					t.Errorf("%v: %+v, %v", span, again, err)
				}
			}
		})
	}
}
