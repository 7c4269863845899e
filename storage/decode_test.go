package storage_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/mp3"
	"earshot/storage"
)

// A decoded copy is as long as the call says, whatever is wrong inside the file:
// it agrees with the waveform and with the marks on it.
func TestDecodeKeepsTheTime(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "lame")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-b 64 -t", Ending: ".mp3"}.Make(t, audiotest.Source(t, dir), dir))
	half := len(file) / 2
	h := open(t)
	for what, file := range map[string][]byte{
		"whole":        file,
		"noise inside": slices.Concat(file[:half], bytes.Repeat([]byte{0xff, 0x12}, 2000), file[half:]),
		"zeros inside": slices.Concat(file[:half], make([]byte, 9000), file[half:]),
		"three joined": slices.Concat(file, file, file),
		"torn":         file[:half],
	} {
		info, err := mp3.ScanFile(bytes.NewReader(file), int64(len(file)))
		must(t, err)
		var out bytes.Buffer
		must(t, storage.DecodeFile(h.Archive, t.Context(), earshot.Part{Codec: earshot.MP3}, bytes.NewReader(file), 8000, &out))
		if got := time.Duration(out.Len()/2) * time.Second / 8000; (got - info.Duration).Abs() > 60*time.Millisecond {
			t.Errorf("%s: %v decoded of %v", what, got, info.Duration)
		}
	}
}
