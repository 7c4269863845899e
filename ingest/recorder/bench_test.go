package recorder

import (
	"testing"
	"time"
)

// BenchmarkPacket is what a packet of a two-track call costs, from its arrival
// to the file's bytes.
func BenchmarkPacket(b *testing.B) {
	a, c := fixture(b, "agent"), fixture(b, "customer")
	o := begin(b, Options{})
	if err := o.r.Open(start, twoTracks); err != nil {
		b.Fatal(err)
	}
	agent, customer := agentSender(), customerSender()
	p := Packet{Right: NoLevel}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n, s, packets := i/2, &agent, a
		if i%2 == 1 {
			s, packets = &customer, c
		}
		p.Side, p.SSRC, p.Seq, p.Timestamp, p.Level = s.side, s.ssrc, s.seq+uint16(n), s.ts+uint32(n)*960, 30
		p.Arrival = start.Add(time.Duration(n) * 20 * time.Millisecond)
		p.Payload = packets[n%len(packets)]
		if err := o.r.Packet(p); err != nil {
			b.Fatal(err)
		}
		if i++; i%10 == 0 {
			if err := o.r.Advance(p.Arrival); err != nil {
				b.Fatal(err)
			}
		}
		if i%100_000 == 0 { // not the harness's memory is measured
			for _, f := range o.shelf.files {
				f.data = f.data[:0]
			}
		}
	}
}

// BenchmarkState is what a call that has lasted four hours costs at the beginning of
// a segment: all of it but what its files have.
func BenchmarkState(b *testing.B) {
	a, c := fixture(b, "agent"), fixture(b, "customer")
	o := begin(b, Options{})
	if err := o.r.Open(start, twoTracks); err != nil {
		b.Fatal(err)
	}
	agent, customer := agentSender(), customerSender()
	const packets = 4 * 3600 * 50
	for n := range packets {
		for i, s := range []*sender{&agent, &customer} {
			if n%100 == 7*i { // a little is lost on the way, and each is a gap
				continue
			}
			p := Packet{Side: s.side, SSRC: s.ssrc, Seq: s.seq + uint16(n), Timestamp: s.ts + uint32(n)*960, Level: 30, Right: NoLevel}
			p.Arrival = start.Add(time.Duration(n) * 20 * time.Millisecond)
			p.Payload = [][][]byte{a, c}[i][n%len(a)%len(c)]
			if err := o.r.Packet(p); err != nil {
				b.Fatal(err)
			}
		}
	}
	var state []byte
	for b.Loop() {
		state = o.r.AppendState(state[:0])
	}
	b.ReportMetric(float64(len(state)), "bytes/state")
	b.ReportMetric(float64(len(o.r.Call().Gaps)), "gaps")
}
