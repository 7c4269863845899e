package ingest

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// receives feeds sequence numbers 20 ms apart and returns the instant after.
func receives(r *reception, at time.Time, seqs ...int) time.Time {
	for _, seq := range seqs {
		r.packet(rtpHeader{seq: uint16(seq), timestamp: uint32(seq) * 960, ssrc: 7}, at)
		at = at.Add(20 * time.Millisecond)
	}
	return at
}

func asked(r *reception, at time.Time) []uint16 {
	packet := r.ask(1, at)
	if packet == nil {
		return nil
	}
	return nacked([]rtcp.Packet{packet})
}

func TestWhatIsMissingIsAskedFor(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	for _, row := range []struct {
		name string
		seqs []int
		want []uint16
	}{
		{"nothing lost", []int{1, 2, 3}, nil},
		{"two lost", []int{1, 4, 5}, []uint16{2, 3}},
		{"out of order", []int{1, 3, 2, 4}, nil},
		{"doubled", []int{1, 2, 2, 3, 3}, nil},
		{"across the wrap", []int{65534, 1, 2}, []uint16{65535, 0}},
		{"late across the wrap", []int{65534, 1, 0, 2}, []uint16{65535}},
		{"a sender that begins anew", []int{1, 30000, 30001}, nil},
	} {
		r := &reception{rate: 48000}
		at := receives(r, start, row.seqs...)
		if got := asked(r, at.Add(askAfter)); !slices.Equal(got, row.want) {
			t.Errorf("%s: asked for %v, not %v", row.name, got, row.want)
		}
	}
}

func TestReceptionIsReported(t *testing.T) {
	r := &reception{rate: 48000}
	start := time.Unix(1_800_000_000, 0)
	if _, ok := r.report(start); ok {
		t.Fatal("a report before the first packet")
	}
	at := receives(r, start, 65534, 65535, 0, 2, 3, 5, 6, 7) // 1 and 4 are missing, of 10
	r.senderReport(0x1111_2222_3333_4444, at)
	report, ok := r.report(at.Add(500 * time.Millisecond))
	want := rtcp.ReceptionReport{
		SSRC: 7, LastSequenceNumber: 1<<16 | 7,
		Jitter: report.Jitter, LastSenderReport: 0x2222_3333, Delay: 32768,
	}
	if !ok || report != want {
		t.Fatalf("%+v, not %+v: what is being asked for is not lost yet", report, want)
	}
	at = receives(r, at, 1, 8) // one came late after all, the other never does
	asked(r, at.Add(askWithin))
	if report, _ := r.report(at); report.TotalLost != 1 || report.FractionLost != 256/3 { // of 1, 4 and 8
		t.Fatalf("%+v", report)
	}
	if report, _ := r.report(at); report.TotalLost != 1 || report.FractionLost != 0 {
		t.Fatalf("%+v", report)
	}
}

func TestJitterOfAnEvenSenderIsNothing(t *testing.T) {
	r := &reception{rate: 48000}
	seqs := make([]int, 200)
	for i := range seqs {
		seqs[i] = 65500 + i
	}
	at := receives(r, time.Unix(1_800_000_000, 0), seqs...)
	if report, _ := r.report(at); report.Jitter > 1 {
		t.Errorf("jitter %d", report.Jitter)
	}
}
