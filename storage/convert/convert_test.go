package convert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/audio/audiotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func decode(t *testing.T, c *Converter, file []byte, container Container, form Form) ([]int16, error) {
	t.Helper()
	var all []int16
	err := c.Samples(t.Context(), bytes.NewReader(file), container, form, func(pcm []int16) error {
		all = append(all, pcm...)
		return nil
	})
	return all, err
}

func TestSamples(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox", "lame")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	c := New()
	for _, args := range []string{"-r 8000 -c 1 -e gsm-full-rate", "-r 8000 -c 1 -e ms-adpcm", "-r 8000 -c 1 -e ima-adpcm"} {
		file := audiotest.Read(t, audiotest.Form{Program: "sox", Args: args, Ending: ".wav"}.Make(t, source, dir))
		pcm, err := decode(t, c, file, WAV, Form{})
		if n := audiotest.SourceSeconds * 8000; err != nil || len(pcm) < n || len(pcm) > n+2100 || slices.Max(pcm) < 1000 {
			t.Errorf("%s: %d samples, %v", args, len(pcm), err)
		}
	}
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "--resample 8 -b 32 -m s", Ending: ".mp3"}.Make(t, source, dir))
	pcm, err := decode(t, c, file, MP3, Form{Rate: 16000, Channels: 1})
	if n := audiotest.SourceSeconds * 16000; err != nil || len(pcm) < n-3000 || len(pcm) > n+3000 {
		t.Errorf("%d samples, %v", len(pcm), err)
	}
	if _, err := decode(t, c, []byte("nothing of the sort"), WAV, Form{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("garbage: %v", err)
	}
	if _, err := decode(t, c, file, WAV, Form{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("an MP3 file as WAVE: %v", err)
	}
}

// TestPlaylistsOpenNothing gives ffmpeg what would make it read another file.
func TestPlaylistsOpenNothing(t *testing.T) {
	audiotest.Need(t, "ffmpeg")
	secret := audiotest.Source(t, t.TempDir())
	for _, text := range []string{"ffconcat version 1.0\nfile '" + secret + "'\n", "#EXTM3U\n#EXTINF:1,\nfile://" + secret + "\n"} {
		for _, container := range []Container{MP3, WAV, Ogg} {
			if pcm, err := decode(t, New(), []byte(text), container, Form{}); err == nil || len(pcm) > 0 {
				t.Errorf("%s: %d samples, %v", container, len(pcm), err)
			}
		}
	}
}

func TestNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := New()
	if _, err := decode(t, c, nil, WAV, Form{}); !errors.Is(err, ErrNone) || c.Installed() {
		t.Error(err)
	}
	if (*Converter)(nil).Installed() {
		t.Error("none is installed")
	}
}

// forever is a file that does not end.
type forever struct{ block []byte }

func (f forever) Read(p []byte) (int, error) { return copy(p, f.block), nil }

// TestBounds stops a run by each of what bounds it.
func TestBounds(t *testing.T) {
	audiotest.Need(t, "ffmpeg")
	head := audiotest.Read(t, audiotest.Source(t, t.TempDir()))[:44]
	copy(head[40:], "\xff\xff\xff\xff")
	endless := func() io.Reader { return io.MultiReader(bytes.NewReader(head), forever{make([]byte, 4096)}) }
	failed := errors.New("enough")
	broken := errors.New("the disk is gone")

	c := New()
	c.longest = time.Second
	if err := c.Samples(t.Context(), endless(), WAV, Form{}, func([]int16) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("too long: %v", err)
	}
	c = New()
	if err := c.Samples(t.Context(), endless(), WAV, Form{}, func([]int16) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("who takes fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Samples(ctx, endless(), WAV, Form{}, func([]int16) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	r, w := io.Pipe()
	go func() { _, _ = w.Write(head); _ = w.CloseWithError(broken) }()
	if err := c.Samples(t.Context(), r, WAV, Form{}, func([]int16) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("the file breaks: %v", err)
	}
	c.memory = 8 << 20
	if err := c.Samples(t.Context(), bytes.NewReader(append(head, make([]byte, 99999)...)), WAV, Form{}, func([]int16) error { return nil }); err == nil {
		t.Error("no memory, and nothing happened")
	}
	if n, err := os.ReadDir("/proc/self/task"); err != nil || len(n) > 200 {
		t.Errorf("%d threads, %v", len(n), err)
	}
}
