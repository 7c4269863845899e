package recorder

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"earshot"
)

// shot is a snapshot, read at once.
func shot(r *Recording, at time.Time, n int) ([]byte, string, error) {
	file, kind, err := r.Snapshot(at, n)
	if err != nil {
		return nil, "", err
	}
	audio, err := io.ReadAll(file)
	return audio, kind, err
}

func TestSnapshot(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	if _, _, err := o.r.Snapshot(start, 0); !errors.Is(err, earshot.ErrNoPart) {
		t.Errorf("before there is a part: %v", err)
	}
	agent := cut(agentSender().events(a, 500, 0), 300, 310) // still being asked for
	var taken []byte
	look := event{at: 6500 * time.Millisecond, do: func(r *Recording, at time.Time) {
		file, kind, err := shot(r, at.Add(-1500*time.Millisecond), 1)
		if err != nil || kind != "audio/ogg" {
			t.Fatal(kind, err)
		}
		gotA, gotC := sides(t, file)
		same(t, "agent", gotA[:250], looped(a, 250))
		same(t, "customer", gotC[:250], looped(c, 250))

		taken, _, err = shot(r, at, 0)
		if err != nil {
			t.Fatal(err)
		}
		if call := r.Call(); len(call.Parts) != 1 || call.Parts[0].DurationMs != 6000 || call.Parts[0].SHA256 != "" || !call.EndedAt.IsZero() || call.DurationMs != 6480 {
			t.Errorf("live: %+v", call)
		}
		if l := r.Levels(); len(l.Agent) != 65 {
			t.Errorf("%d steps", len(l.Agent))
		}
	}}
	o.play(10*time.Second, []event{o.open(0, twoTracks...), look}, agent, customerSender().events(c, 500, 0))
	gotA, gotC := sides(t, taken)
	same(t, "agent", gotA, blank(looped(a, 325), 300, 310))
	same(t, "customer", gotC, looped(c, 325))
	r, _ := readOgg(t, taken)
	if r.Damage() != nil {
		t.Error(r.Damage())
	}
	decode(t, taken)

	// It disturbed nothing.
	o.end(10 * time.Second)
	plain := record(t, twoTracks, 10*time.Second, agent, customerSender().events(c, 500, 0))
	if !bytes.Equal(plain.file(1), o.file(1)) {
		t.Error("the file differs from one of which no snapshot was taken")
	}
	sealed, _, err := shot(o.r, start.Add(time.Hour), 1)
	if err != nil || !bytes.Equal(sealed, o.file(1)) {
		t.Errorf("of a sealed part: %v", err)
	}
	if _, _, err := o.r.Snapshot(start, 2); !errors.Is(err, earshot.ErrNoPart) {
		t.Error(err)
	}
}

func TestSnapshotG711(t *testing.T) {
	tone := g711Packets(300, 160, 3)
	s := agentSender()
	s.ticks = 160
	o := begin(t, Options{})
	look := event{at: 2510 * time.Millisecond, do: func(r *Recording, at time.Time) {
		file, _, err := shot(r, at, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := wavData(t, file); !bytes.Equal(got, slices.Concat(tone[:126]...)[:len(got)]) || len(got) < 125*160 {
			t.Errorf("%d bytes", len(got))
		}
	}}
	o.play(4*time.Second, []event{o.open(0, Track{Side: earshot.SideAgent, Codec: earshot.PCMU}), look}, s.events(tone, 200, 0))
	o.end(4 * time.Second)
	if got := wavData(t, o.file(1)); !bytes.Equal(got, slices.Concat(tone[:200]...)) {
		t.Error("the file differs")
	}
}

// Whoever asked reads when it suits them: the file has grown by then, or is sealed.
func TestSnapshotIsReadLater(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	tone := g711Packets(300, 160, 3)
	law := agentSender()
	law.ticks = 160
	for _, row := range []struct {
		name   string
		tracks []Track
		events [][]event
	}{
		{"opus", twoTracks, [][]event{agentSender().events(a, 500, 0), customerSender().events(c, 500, 0)}},
		{"g711", []Track{{Side: earshot.SideAgent, Codec: earshot.PCMU}}, [][]event{law.events(tone, 500, 0)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := begin(t, Options{})
			var first []byte
			var later *io.SectionReader
			look := event{at: 5010 * time.Millisecond, do: func(r *Recording, at time.Time) {
				var err error
				if first, _, err = shot(r, at, 1); err != nil {
					t.Fatal(err)
				}
				if later, _, err = r.Snapshot(at, 1); err != nil {
					t.Fatal(err)
				}
			}}
			o.play(10*time.Second, append([][]event{{o.open(0, row.tracks...), look}}, row.events...)...)
			grown, err := io.ReadAll(later)
			if err != nil || !bytes.Equal(grown, first) {
				t.Errorf("the file has grown: %d bytes, %d when it was asked for, %v", len(grown), len(first), err)
			}
			o.end(10 * time.Second)
			if err := iotest.TestReader(io.NewSectionReader(later, 0, later.Size()), first); err != nil {
				t.Error(err)
			}
			sealed, err := io.ReadAll(io.NewSectionReader(later, 0, later.Size()))
			if err != nil || !bytes.Equal(sealed, first) {
				t.Errorf("the file is sealed: %d bytes, %d when it was asked for, %v", len(sealed), len(first), err)
			}
		})
	}
}
