package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/ingest"
	"earshot/ingest/recorder"
	"earshot/storage/files"
	"earshot/storage/session"
)

// levelExt is the id under which injected packets carry their level.
const levelExt = 1

// behindTheWire feeds a floor, with a recorder, real files and the embedded
// live state, as the wire's readers would: through Track.Receive.
func behindTheWire(ctx context.Context, opts Options, dir string) (f *figures, err error) {
	f = &figures{opts: opts, gaps: map[earshot.Cause]time.Duration{}}
	store, err := files.Open(filepath.Join(dir, "data"), files.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	board, err := session.Open(ctx, session.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, board.Close()) }()
	shelf := &shelf{seats: opts.Seats, calls: map[string]earshot.Call{}}
	floor, err := ingest.New(ctx, ingest.Options{Node: "bench", Shelf: shelf, Board: board, Files: ingest.Disk(store), Journal: ingest.DiskJournal(journal)})
	if err != nil {
		return nil, err
	}
	if err := f.inject(ctx, floor, store); err != nil {
		return nil, errors.Join(err, floor.Close(context.WithoutCancel(ctx)))
	}
	if err := floor.Close(ctx); err != nil {
		return nil, fmt.Errorf("closing the floor: %w", err)
	}
	for _, call := range shelf.stored() {
		f.count(call)
	}
	return f, nil
}

func (f *figures) inject(ctx context.Context, floor *ingest.Floor, store *files.Store) error {
	debug.FreeOSMemory()
	idle, err := readProcess(os.Getpid())
	if err != nil {
		return err
	}
	f.idleRSS = idle.rss
	pace := &pacer{}
	var streams []*ingest.Stream
	for i := range f.opts.Seats {
		stream, err := floor.Attach(ctx, ingest.StreamInfo{
			ID: earshot.NewID(time.Now()), Seat: seatName(i), LevelExt: levelExt,
			Tracks: []recorder.Track{
				{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1},
				{Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1},
			},
		}, func(string) {})
		if err != nil {
			return err
		}
		stream.Connected(true)
		streams = append(streams, stream)
		for track := range tracksASeat {
			v := newVoice(uint64(i*tracksASeat+track), receive(stream.Track(track), time.Now))
			if err := v.packet.SetExtension(levelExt, []byte{30}); err != nil {
				return err
			}
			v.packet.SSRC = uint32(i*tracksASeat + track + 1)
			pace.voices = append(pace.voices, v)
		}
	}
	speaking, hush := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { pace.run(speaking) })
	err = f.sample(ctx, os.Getpid(), func() int64 {
		f.ordered = store.Flushes() - f.ordered // asked at both ends of the span
		return pace.sent.Load()
	})
	hush()
	wg.Wait()
	f.allSent = pace.sent.Load()
	for _, stream := range streams {
		stream.End()
	}
	return errors.Join(err, pace.err())
}

// receive writes a packet as the wire would have read it.
func receive(track *ingest.Track, now func() time.Time) func(*rtp.Packet) error {
	buf := make([]byte, 256)
	return func(p *rtp.Packet) error {
		n, err := p.MarshalTo(buf)
		if err == nil {
			track.Receive(buf[:n], now())
		}
		return err
	}
}

func seatName(i int) string { return fmt.Sprintf("bench-%d", i) }

// shelf has the bench's seats and keeps calls in memory: the index is measured
// elsewhere.
type shelf struct {
	seats int
	mu    sync.Mutex
	calls map[string]earshot.Call
}

func (s *shelf) Seats(context.Context) ([]earshot.Seat, error) {
	seats := make([]earshot.Seat, 0, s.seats)
	for i := range s.seats {
		seats = append(seats, earshot.Seat{ID: seatName(i), Name: seatName(i), Branch: "bench", Kind: earshot.Counter, Cut: earshot.CutSession})
	}
	return seats, nil
}

func (s *shelf) SaveCall(_ context.Context, call earshot.Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call.ID] = call
	return nil
}

func (*shelf) SaveTokens(context.Context, string, []earshot.SeatToken) error { return nil }
func (*shelf) SaveStreams(context.Context, []earshot.StreamSpan) error       { return nil }
func (*shelf) Announce(context.Context, earshot.Announcement) error          { return nil }
func (*shelf) SaveAgent(context.Context, earshot.Agent) error                { return nil }
func (*shelf) OpenCalls(context.Context, string) ([]earshot.Call, error)     { return nil, nil }

func (s *shelf) stored() []earshot.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stored []earshot.Call
	for _, call := range s.calls {
		if call.State == earshot.CallStored {
			stored = append(stored, call)
		}
	}
	return stored
}
