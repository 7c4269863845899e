package ingest

import (
	"sync"
	"testing"
	"time"

	"earshot"
)

// TestCallThatGoesOnIsNotMended has the index away while a killed node starts and
// a seat goes on with its call. The index, when it is back, still has the call as
// the last life left it: live.
func TestCallThatGoesOnIsNotMended(t *testing.T) {
	var copied []byte
	d := openDisk(t, t.TempDir(), dawn, func(o *Options) {
		o.KeepSeats = func(data []byte) error { copied = data; return nil }
	})
	d.device("s1", agentTrack)
	d.run(2 * time.Second)
	id := d.openCall("s1")
	d.news.until(t, "the index has the call", func() bool { return d.shelf.call(id).State == earshot.CallLive })
	left := d.shelf.call(id)
	dir := d.crashed(t)

	var mu sync.Mutex
	var mended []string
	next := openDisk(t, dir, d.clock.now(), func(o *Options) {
		shelf := o.Shelf.(diskShelf)
		shelf.change(func() { shelf.away, shelf.calls[id] = true, left })
		o.Replayed.calls[0].indexed = false // as with an index that was away before, too
		o.KeptSeats = func() ([]byte, error) { return copied, nil }
		o.Recover = func(call earshot.Call) (earshot.Call, error) {
			mu.Lock()
			defer mu.Unlock()
			mended = append(mended, call.ID)
			return call, nil
		}
	})
	next.device("s1", agentTrack)
	next.run(time.Second)
	if now := next.openCall("s1"); now != id {
		t.Fatalf("the seat goes on with %s, not %s", now, id)
	}
	next.shelf.change(func() { next.shelf.away = false })
	for !next.floor.tookUp.Load() {
		next.floor.roster.want()
		next.run(20 * time.Millisecond)
	}
	next.run(2 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	if len(mended) > 0 {
		t.Errorf("calls %q were mended while they are recorded", mended)
	}
	again, err := ask(t.Context(), next.floor, func(time.Time) (bool, error) { return next.floor.seats["s1"].reopen != nil, nil })
	if err != nil || again {
		t.Errorf("the call that goes on is to be gone on with once more: %v, %v", again, err)
	}
}
