package ingest

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// taken is a copy of a record that outlives its place in the ring.
func taken(r record) record {
	r.payload = bytes.Clone(r.payload)
	return r
}

func TestRingGivesBackWhatWasPutInOrder(t *testing.T) {
	q := newRing(shortestRing)
	var want, got []record
	for i := range 5000 {
		r := record{
			arrival: int64(i) * 1e6, ssrc: rand.Uint32(), timestamp: rand.Uint32(), seq: uint16(i),
			track: uint8(i % 3), level: uint8(i), right: uint8(i >> 1), payload: bytes.Repeat([]byte{byte(i)}, i%200),
		}
		if !q.put(&r) {
			t.Fatalf("record %d did not fit in an almost empty ring", i)
		}
		want = append(want, r)
		var out record
		for n := rand.IntN(3); n > 0 && q.peek(&out); n-- {
			got = append(got, taken(out))
			q.drop()
		}
		for len(want)-len(got) > 2 && q.peek(&out) {
			got = append(got, taken(out))
			q.drop()
		}
	}
	var out record
	for q.peek(&out) {
		got = append(got, taken(out))
		q.drop()
	}
	if len(got) != len(want) {
		t.Fatalf("%d records came back of %d", len(got), len(want))
	}
	for i := range want {
		w, g := want[i], got[i]
		if !bytes.Equal(w.payload, g.payload) {
			t.Fatalf("record %d: payload changed", i)
		}
		w.payload, g.payload = nil, nil
		if w.arrival != g.arrival || w.ssrc != g.ssrc || w.timestamp != g.timestamp || w.seq != g.seq ||
			w.track != g.track || w.level != g.level || w.right != g.right {
			t.Fatalf("record %d: got %+v, want %+v", i, g, w)
		}
	}
	if q.takeLost() != 0 {
		t.Error("a loss was counted where there was none")
	}
}

func TestRingCountsWhatDoesNotFit(t *testing.T) {
	q := newRing(shortestRing)
	put := 0
	for i := range 100 {
		if q.put(&record{seq: uint16(i), payload: make([]byte, 100)}) {
			put++
		}
	}
	if put == 0 || put > shortestRing/(100+recordHead) {
		t.Fatalf("%d records of 132 bytes fit in %d", put, shortestRing)
	}
	if lost := q.takeLost(); lost != 100-put {
		t.Errorf("%d lost were counted, %d did not fit", lost, 100-put)
	}
	if q.takeLost() != 0 {
		t.Error("losses were counted twice")
	}
	var r record
	for i := range put {
		if !q.peek(&r) || r.seq != uint16(i) {
			t.Fatalf("record %d is gone or out of order", i)
		}
		q.drop()
	}
	if q.peek(&r) {
		t.Error("more came out than was put in")
	}
	if q.put(&record{payload: make([]byte, shortestRing)}) {
		t.Error("a record as large as the ring was taken")
	}
}

func TestRingBetweenTwoGoroutines(t *testing.T) {
	const count = 200_000
	q := newRing(4 << 10)
	go func() {
		payload := make([]byte, 160)
		for i := 0; i < count; {
			payload[0] = byte(i)
			if q.put(&record{timestamp: uint32(i), payload: payload[:1+i%160]}) {
				i++
			}
		}
	}()
	var r record
	for i := 0; i < count; {
		if !q.peek(&r) {
			continue
		}
		if r.timestamp != uint32(i) || len(r.payload) != 1+i%160 || r.payload[0] != byte(i) {
			t.Fatalf("record %d came as %d, %d bytes", i, r.timestamp, len(r.payload))
		}
		q.drop()
		i++
	}
}
