package g711

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"testing"
)

func TestEveryByteComesBack(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		if got := ToULaw(ULaw(b)); got != b && b != 0x7F { // 0x7F is minus zero
			t.Errorf("µ-law %02x is %d and comes back as %02x", b, ULaw(b), got)
		}
		if got := ToALaw(ALaw(b)); got != b {
			t.Errorf("A-law %02x is %d and comes back as %02x", b, ALaw(b), got)
		}
	}
	if ULaw(SilenceULaw) != 0 || ALaw(SilenceALaw) != 8 {
		t.Errorf("silence is %d and %d", ULaw(SilenceULaw), ALaw(SilenceALaw))
	}
}

func TestErrorIsSmall(t *testing.T) {
	for s := -32768; s <= 32767; s++ {
		limit := max(abs(s)/16, 40)
		if s >= -32124 && s <= 32124 {
			if e := abs(s - int(ULaw(ToULaw(int16(s))))); e > limit {
				t.Fatalf("µ-law: %d is off by %d", s, e)
			}
		}
		if e := abs(s - int(ALaw(ToALaw(int16(s))))); e > limit && e > 512 {
			t.Fatalf("A-law: %d is off by %d", s, e)
		}
	}
}

func abs(i int) int { return max(i, -i) }

// TestAgainstFFmpeg decodes and encodes everything with ffmpeg too.
func TestAgainstFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is missing")
		}
		t.Skip("ffmpeg is missing")
	}
	var all, samples []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	for s := -32768; s <= 32767; s++ {
		samples = binary.LittleEndian.AppendUint16(samples, uint16(int16(s)))
	}
	for format, law := range map[string]struct {
		decode func([]int16, []byte) []int16
		encode func([]byte, []int16) []byte
	}{"mulaw": {DecodeULaw, EncodeULaw}, "alaw": {DecodeALaw, EncodeALaw}} {
		want := run(t, all, "-f", format, "-ar", "8000", "-i", "-", "-f", "s16le", "-")
		var got []byte
		for _, s := range law.decode(nil, all) {
			got = binary.LittleEndian.AppendUint16(got, uint16(s))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s decodes differently", format)
		}
		// ffmpeg rounds to the nearest value where G.711 cuts: the decoded
		// values are compared, within one step.
		theirs := law.decode(nil, run(t, samples, "-f", "s16le", "-ar", "8000", "-i", "-", "-f", format, "-"))
		pcm := make([]int16, 0, 65536)
		for s := -32768; s <= 32767; s++ {
			pcm = append(pcm, int16(s))
		}
		ours := law.decode(nil, law.encode(nil, pcm))
		for i := range ours {
			if d := abs(int(ours[i]) - int(theirs[i])); d > max(abs(int(pcm[i]))/14, 20) {
				t.Fatalf("%s codes %d as %d, ffmpeg as %d", format, pcm[i], ours[i], theirs[i])
			}
		}
	}
}

func run(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error", "-ac", "1"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return out
}
