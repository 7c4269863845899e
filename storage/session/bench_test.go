package session

import (
	"fmt"
	"testing"

	"earshot"
	"earshot/storage/session/redistest"
)

// What a node of 500 seats asks of Redis: levels ten times a second, a seat
// when it changes, itself each 2 s; and what a monitor asks each second.
func BenchmarkNode(b *testing.B) {
	const seats = 500
	for _, engine := range []string{Embedded, "redis"} {
		url := engine
		if engine == "redis" {
			server, ok := redistest.Start(b)
			if !ok {
				continue
			}
			url = server.URL()
		}
		s, err := Open(b.Context(), Options{URL: url})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		})
		var names []string
		var levels []earshot.SeatLevels
		for n := range seats {
			names = append(names, fmt.Sprintf("seat-%03d", n))
			levels = append(levels, earshot.SeatLevels{Seat: names[n]})
			if err := s.PutSeat(b.Context(), liveSeat(names[n], "n1")); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range []struct {
			name string
			do   func(n int) error
		}{
			{"PutSeat", func(n int) error {
				seat := liveSeat(names[n%seats], "n1")
				seat.Streams[0].Quality = n
				return s.PutSeat(b.Context(), seat)
			}},
			{"PutNode", func(int) error { return s.PutNode(b.Context(), earshot.LiveNode{Name: "n1"}, names) }},
			{"PutLevels", func(int) error { return s.PutLevels(b.Context(), "n1", levels) }},
			{"Snapshot", func(int) error { _, err := s.Snapshot(b.Context()); return err }},
			{"Reap", func(int) error { return s.Reap(b.Context()) }},
		} {
			b.Run(engine+"/"+c.name, func(b *testing.B) {
				for n := range b.N {
					if err := c.do(n); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
