package excerpt

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"earshot/audio/audiotest"
	"earshot/audio/mp3"
)

// TestMP3Rest takes files of all kinds up at all places and holds what is heard of the
// rest against what is heard of the whole from there on, to the sample.
func TestMP3Rest(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "ffprobe", "lame")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, form := range audiotest.MP3Forms() {
		t.Run(form.Name(), func(t *testing.T) {
			t.Parallel()
			name := form.Make(t, source, dir)
			file := audiotest.Read(t, name)
			info, err := mp3.Scan(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			index, err := IndexMP3(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			whole := samplesOf(t, name)
			for i, from := range []time.Duration{
				0, 3 * time.Millisecond, 1234 * time.Millisecond, 2880 * time.Millisecond, info.Duration - 200*time.Millisecond,
			} {
				rest, err := index.Rest(bytes.NewReader(file), from)
				if err != nil {
					t.Fatalf("%v: %v", from, err)
				}
				out, err := io.ReadAll(rest)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rest.Seek(0, io.SeekStart); err != nil {
					t.Fatal(err)
				}
				if i == 2 {
					if err := iotest.TestReader(rest, out); err != nil {
						t.Errorf("%v: %v", from, err)
					}
				}
				cut := filepath.Join(dir, filepath.Base(name)+"-rest"+strconv.Itoa(i)+".mp3")
				audiotest.Write(t, cut, out)
				got := samplesOf(t, cut)
				want := whole[min(int(math.Round(from.Seconds()*float64(info.Rate))), len(whole)):]
				if d := len(got) - len(want); d < -2 || d > 2 {
					t.Errorf("%v: %d samples instead of %d", from, len(got), len(want))
				}
				// The sound's end is silent: nothing there can be compared.
				if db := noiseDB(got, want); db < 40 && from < 3*time.Second {
					t.Errorf("%v: %.1f dB", from, db)
				}
				after, err := mp3.Scan(bytes.NewReader(out))
				if err != nil || (after.Duration-(info.Duration-from)).Abs() > time.Millisecond || after.Missing > 0 {
					t.Errorf("%v: %v of %v are left, %d frames are missing, %v", from, after.Duration, info.Duration-from, after.Missing, err)
				}
			}
			if _, err := index.Rest(bytes.NewReader(file), info.Duration+time.Second); !errors.Is(err, ErrEmpty) {
				t.Errorf("behind the end: %v", err)
			}
		})
	}
}

// TestMP3RestAsCut holds the rest of a file against what is cut out of it to its end,
// with damage inside, tags around, and another file behind.
func TestMP3RestAsCut(t *testing.T) {
	audiotest.Need(t, "lame")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-V 5", Ending: ".mp3"}.Make(t, source, dir))
	other := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-V 4", Ending: ".mp3"}.Make(t, source, dir))
	half := len(file) / 2
	for what, whole := range map[string][]byte{
		"as it is":       file,
		"damaged inside": bytes.Join([][]byte{file[:half], bytes.Repeat([]byte("noise"), 99), file[half:]}, nil),
		"tags around": bytes.Join([][]byte{
			append([]byte("ID3\x04\x00\x00\x00\x00\x20\x00"), make([]byte, 4096)...), file, append([]byte("TAG"), make([]byte, 125)...),
		}, nil),
		"two in one": bytes.Join([][]byte{file, other}, nil),
	} {
		t.Run(what, func(t *testing.T) {
			index, err := IndexMP3(bytes.NewReader(whole), int64(len(whole)))
			if err != nil {
				t.Fatal(err)
			}
			for from := time.Duration(0); from < 4*time.Second; from += 237 * time.Millisecond {
				var cut bytes.Buffer
				long, err := MP3(&cut, bytes.NewReader(whole), int64(len(whole)), from, 0)
				if err != nil {
					t.Fatal(err)
				}
				rest, err := index.Rest(bytes.NewReader(whole), from)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(rest)
				if err != nil {
					t.Fatal(err)
				}
				if info, err := mp3.Scan(bytes.NewReader(got)); err != nil || (info.Duration-long).Abs() > time.Millisecond {
					t.Errorf("%v: %v long instead of %v, %v", from, info.Duration, long, err)
				}
				same(t, from, framesOf(t, got), framesOf(t, cut.Bytes()))
			}
		})
	}
	empty, err := IndexMP3(strings.NewReader("none"), 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := empty.Rest(strings.NewReader("none"), time.Second); !errors.Is(err, ErrEmpty) {
		t.Errorf("no MP3: %v", err)
	}
}

// framesOf are a file's frames but for the first, which only tells about it.
func framesOf(t *testing.T, file []byte) (all [][]byte) {
	t.Helper()
	frames := mp3.NewFrames(bytes.NewReader(file), int64(len(file)))
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return all[1:]
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Clone(f.Data))
	}
}

func same(t *testing.T, from time.Duration, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v: %d frames instead of %d", from, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("%v: frame %d is another", from, i)
		}
	}
}
