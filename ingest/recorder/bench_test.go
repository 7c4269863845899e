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
