package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest"
	"earshot/ingest/recorder"
	"earshot/storage/files"
	"earshot/storage/session"
)

// How calls that are hours old are made in a minute.
const (
	longEvery   = 5                      // every so manieth call has been open for long
	sparseEvery = 500 * time.Millisecond // between packets until shortly before the kill: silence, and nothing lost
	holeEvery   = time.Minute            // a long call loses a few packets
	holeFrames  = 5
	speechFor   = 29 * time.Second // of all calls, in full, right before the kill: all but a whole segment of the journal
	behindMost  = 2                // ticks that the journal may be behind
)

// aging is a floor whose clock runs as fast as its packets come.
type aging struct {
	floor   *ingest.Floor
	journal *agedJournal
	clock   atomic.Int64 // nanoseconds since 1970
	voices  []*voice
	marks   []uint64 // of the journal, at the last ticks
}

// agedJournal begins its segments when it is told to, once somebody tells.
type agedJournal struct {
	ingest.Journal
	told, want atomic.Bool
}

func (j *agedJournal) Due() bool {
	if j.told.Load() {
		return j.want.Swap(false)
	}
	return j.Journal.Due()
}

func (a *aging) now() time.Time { return time.Unix(0, a.clock.Load()).UTC() }

// aged records opts.Seats calls, of which every fifth has been open for
// opts.OpenFor and the others for half a minute, says so, and waits to be killed.
func aged(ctx context.Context, opts Options, dir string, out io.Writer) (err error) {
	store, err := files.Open(filepath.Join(dir, "data"), files.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	board, err := session.Open(ctx, session.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, board.Close()) }()
	a := &aging{journal: &agedJournal{Journal: ingest.DiskJournal(journal)}}
	a.clock.Store(time.Now().Add(-opts.OpenFor - speechFor).UnixNano())
	a.floor, err = ingest.New(ctx, ingest.Options{
		Node: "node", Now: a.now, Shelf: &shelf{seats: opts.Seats, calls: map[string]earshot.Call{}}, Board: board,
		Files: ingest.Disk(store), Journal: a.journal, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.floor.Close(context.WithoutCancel(ctx))) }()
	if err := a.record(ctx, opts); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, recorded); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// recorded is what the process says when it may be killed.
const recorded = "recorded"

func (a *aging) record(ctx context.Context, opts Options) error {
	for i := range opts.Seats {
		if i%longEvery == 0 {
			if err := a.attach(ctx, i); err != nil {
				return err
			}
		}
	}
	for at := time.Duration(0); at < opts.OpenFor; at += sparseEvery {
		if err := a.step(ctx, sparseEvery, 1, at%holeEvery == 0); err != nil {
			return err
		}
	}
	for i := range opts.Seats {
		if i%longEvery != 0 {
			if err := a.attach(ctx, i); err != nil {
				return err
			}
		}
	}
	a.journal.told.Store(true)
	a.journal.want.Store(true)
	for at := time.Duration(0); at < speechFor; at += earshot.LevelStepMs * time.Millisecond {
		if err := a.step(ctx, frameEvery, earshot.LevelStepMs*int(time.Millisecond)/int(frameEvery), false); err != nil {
			return err
		}
	}
	return nil
}

// step has every voice speak n times, every so often, and the floor tick.
func (a *aging) step(ctx context.Context, every time.Duration, n int, hole bool) error {
	for range n {
		at := time.Unix(0, a.clock.Add(int64(every)))
		for _, v := range a.voices {
			if hole {
				v.packet.SequenceNumber += holeFrames
			}
			v.packet.SequenceNumber++
			v.packet.Timestamp += uint32(every / frameEvery * frameSamples)
			binary.BigEndian.PutUint64(v.packet.Payload[stampAt:], uint64(at.UnixNano()))
			if err := v.send(&v.packet); err != nil {
				return fmt.Errorf("sending: %w", err)
			}
		}
	}
	a.floor.Tick(a.now())
	a.marks = append(a.marks, a.journal.Mark())
	for len(a.marks) > behindMost {
		if a.journal.Safe(a.marks[0]) {
			a.marks = a.marks[1:]
			continue
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (a *aging) attach(ctx context.Context, i int) error {
	stream, err := a.floor.Attach(ctx, ingest.StreamInfo{
		ID: earshot.NewID(a.now()), Seat: seatName(i), LevelExt: levelExt,
		Tracks: []recorder.Track{
			{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1},
			{Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1},
		},
	}, func(string) {})
	if err != nil {
		return err
	}
	stream.Connected(true)
	for track := range tracksASeat {
		v := newVoice(uint64(i*tracksASeat+track), receive(stream.Track(track), a.now))
		if err := v.packet.SetExtension(levelExt, []byte{30}); err != nil {
			return err
		}
		v.packet.SSRC = uint32(i*tracksASeat + track + 1)
		a.voices = append(a.voices, v)
	}
	return nil
}
