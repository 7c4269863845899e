package main

import (
	"net/http"
	"testing"
	"time"

	"earshot"
	"earshot/storage/ledger"
)

// A call that ended is in the ledger soon after, can be held and proved; what is
// due goes when the server looks, and stays gone over a restart.
func TestKeepingOfARunningServer(t *testing.T) {
	data := t.TempDir()
	ts := startServer(t, func(c *serveCommand) { c.Data = data })
	call := storedCall(t, ts)
	var state struct{ Pending, Size int64 }
	eventually(t, "the part to be in the ledger", func() bool {
		ts.call(http.MethodGet, "/api/v1/ledger", nil, &state)
		return state.Pending == 0 && ts.ledger.Size() > 1
	})
	var hold earshot.Hold
	ts.call(http.MethodPost, "/api/v1/holds", map[string]any{"call": call.ID, "reason": "投诉"}, &hold)
	var proofs struct {
		Parts []struct {
			Entry int64
			Head  string
		}
	}
	ts.call(http.MethodGet, "/api/v1/calls/"+call.ID+"/proofs", nil, &proofs)
	if len(proofs.Parts) != 1 {
		t.Fatalf("proofs: %+v", proofs)
	}
	if _, err := ledger.CheckHead([]byte(proofs.Parts[0].Head), ts.ledger.Keys()[0].Public); err != nil {
		t.Error(err)
	}
	ts.call(http.MethodPost, "/api/v1/policies", map[string]any{"id": "day", "name": "一天", "deleteDays": 1}, nil)
	if freed, err := ts.archive.MakeRoom(t.Context(), 1<<40); err != nil || freed != 0 {
		t.Errorf("freed %d though held, %v", freed, err)
	}
	ts.call(http.MethodPost, "/api/v1/holds/"+hold.ID+"/release", map[string]string{"reason": "结案"}, nil)
	if freed, err := ts.archive.MakeRoom(t.Context(), 1<<40); err != nil || freed == 0 {
		t.Errorf("freed %d, %v", freed, err)
	}
	ts.stop()

	ts = startServer(t, func(c *serveCommand) { c.Data = data })
	tombstone, err := ts.archive.Tombstone(t.Context(), call.ID)
	if err != nil || tombstone.Deleted.Policy != "day" || tombstone.Deleted.Reason != string(earshot.RetainDiskFull) {
		t.Errorf("the tombstone: %+v, %v", tombstone, err)
	}
}

// storedCall puts a call that ended two days ago onto the shelf of ts.
func storedCall(t *testing.T, ts *testServer) earshot.Call {
	t.Helper()
	at := time.Now().Add(-48 * time.Hour)
	call := earshot.Call{ID: earshot.NewID(at), Seat: "s1", Branch: "hall", Kind: earshot.Counter, Direction: earshot.NoDirection,
		State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Second)), DurationMs: 1000, Channels: 1}
	name := earshot.PartFile(call.ID, 1, earshot.Opus)
	if err := ts.files.WriteWhole(name, []byte("audio")); err != nil {
		t.Fatal(err)
	}
	sealed, err := ts.files.SealedFile(name)
	if err != nil {
		t.Fatal(err)
	}
	call.Parts = []earshot.Part{{N: 1, File: name, Track: earshot.TrackMixed, Codec: earshot.Opus, Channels: 1, DurationMs: 1000,
		Bytes: sealed.Bytes, SHA256: sealed.SHA256}}
	if err := ts.archive.SaveCall(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	return call
}
