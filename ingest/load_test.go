package ingest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// BenchmarkFiveHundredSeats is what the loop does in a second of 500 two-track
// calls: 50,000 packets, ten ticks.
func BenchmarkFiveHundredSeats(b *testing.B) {
	const seats = 500
	n := &news{}
	files := &fakeFiles{news: n, whole: map[string][]byte{}, parts: map[string]*fakeFile{}}
	shelf := &fakeShelf{news: n, files: files, agents: map[string]earshot.Agent{}, calls: map[string]earshot.Call{}}
	for i := range seats {
		shelf.seats = append(shelf.seats, earshot.Seat{ID: fmt.Sprintf("s%d", i), Branch: "east", Kind: earshot.Counter, Cut: earshot.CutSession})
	}
	clock := &fakeClock{at: dawn}
	floor, err := New(b.Context(), Options{
		Node: "n1", Now: clock.now, Shelf: shelf, manual: true, Files: files,
		Board: &fakeBoard{news: n, seats: map[string]earshot.LiveSeat{}, nodes: map[string]earshot.LiveNode{}},
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := floor.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	var streams []*Stream
	for i := range seats {
		st, err := floor.Attach(b.Context(), StreamInfo{
			ID: fmt.Sprint(i), Seat: fmt.Sprintf("s%d", i), Tracks: []recorder.Track{agentTrack, customerTrack}, LevelExt: 1,
		}, nil)
		if err != nil {
			b.Fatal(err)
		}
		streams = append(streams, st)
	}
	raw := append([]byte{0x90, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 30, 0, 0, 0x78}, make([]byte, 80)...)
	seq, ts := uint16(0), uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 50 {
			at := clock.add(20 * time.Millisecond)
			raw[2], raw[3] = byte(seq>>8), byte(seq)
			raw[4], raw[5], raw[6], raw[7] = byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts)
			seq, ts = seq+1, ts+960
			for _, st := range streams {
				st.Track(0).Receive(raw, at)
				st.Track(1).Receive(raw, at)
			}
			if i%5 == 4 {
				floor.Tick(at)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(50*2*seats), "ns/packet")
}
