package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtp"
)

const (
	testRED  = 63
	testOpus = 111
)

// redPayload packs blocks; the last is the packet's own.
func redPayload(blocks ...redBlock) []byte {
	var b []byte
	last := len(blocks) - 1
	for _, block := range blocks[:last] {
		b = binary.BigEndian.AppendUint32(b, 1<<31|uint32(block.payloadType)<<24|block.offset<<10|uint32(len(block.data)))
	}
	b = append(b, blocks[last].payloadType)
	for _, block := range blocks {
		b = append(b, block.data...)
	}
	return b
}

// spoken is the audio of the n-th packet of a test.
func spoken(n int) []byte { return []byte(fmt.Sprintf("\xf8packet %d", n)) }

// redOf is packet n of a sender that repeats so many before it.
func redOf(t *testing.T, n, repeats int, edit func(*rtp.Packet)) []byte {
	t.Helper()
	var blocks []redBlock
	for i := repeats; i > 0; i-- {
		blocks = append(blocks, redBlock{testOpus, uint32(i * 960), spoken(n - i)})
	}
	blocks = append(blocks, redBlock{payloadType: testOpus, data: spoken(n)})
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, Marker: n%2 == 0, PayloadType: testRED, SequenceNumber: uint16(65530 + n), Timestamp: uint32(0xffff_f000 + n*960), SSRC: 9,
	}, Payload: redPayload(blocks...)}
	if edit != nil {
		edit(&p)
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestREDFillsHoles(t *testing.T) {
	for _, row := range []struct {
		name    string
		repeats int
		come    []int
		plain   []int // of those, sent without RED
		want    []int
	}{
		{"nothing is missing", 1, []int{1, 2, 3}, nil, []int{1, 2, 3}},
		{"one", 1, []int{1, 3, 4}, nil, []int{1, 2, 3, 4}},
		{"two, of which one is repeated", 1, []int{1, 4}, nil, []int{1, 3, 4}},
		{"two", 2, []int{1, 4, 5}, nil, []int{1, 2, 3, 4, 5}},
		{"one, after a plain packet", 1, []int{1, 3}, []int{1}, []int{1, 2, 3}},
		{"one before one that came", 2, []int{1, 3, 4}, []int{3}, []int{1, 3, 2, 4}},
		{"across the wrap of both counters", 1, []int{3, 4, 6, 8, 9}, nil, []int{3, 4, 5, 6, 7, 8, 9}},
		{"before the first nothing is known", 2, []int{5}, nil, []int{5}},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := unpacker{red: testRED, audio: testOpus}
			var got []int
			each := func(packet []byte, redundant bool) {
				var p rtp.Packet
				if err := p.Unmarshal(packet); err != nil {
					t.Fatal(err)
				}
				n := int(int16(p.SequenceNumber - 65530))
				got = append(got, n)
				if p.PayloadType != testOpus || p.SSRC != 9 || p.Timestamp != uint32(0xffff_f000+n*960) || !bytes.Equal(p.Payload, spoken(n)) {
					t.Errorf("packet %d is %v, %q", n, p.Header, p.Payload)
				}
				if redundant == slices.Contains(row.come, n) || !redundant && p.Marker != (n%2 == 0) {
					t.Errorf("packet %d: redundant %v", n, redundant)
				}
			}
			for _, n := range row.come {
				if slices.Contains(row.plain, n) {
					u.note(9, uint16(65530+n), uint32(0xffff_f000+n*960))
					got = append(got, n)
					continue
				}
				raw := redOf(t, n, row.repeats, nil)
				h, ok := parseRTP(raw, 0)
				if !ok {
					t.Fatal("no RTP")
				}
				u.unpack(raw, h, each)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("came out as %v, not %v", got, row.want)
			}
		})
	}
}

// TestREDBetweenWords has a sender that counts on over its silence: the block
// repeats audio that came, though of a time two slots before.
func TestREDBetweenWords(t *testing.T) {
	u := unpacker{red: testRED, audio: testOpus}
	var got []uint16
	each := func(packet []byte, _ bool) { got = append(got, binary.BigEndian.Uint16(packet[2:])) }
	for _, p := range []rtp.Packet{
		{Header: rtp.Header{Version: 2, PayloadType: testRED, SequenceNumber: 5, Timestamp: 0, SSRC: 9}, Payload: redPayload(redBlock{testOpus, 960, spoken(0)}, redBlock{testOpus, 0, spoken(1)})},
		{Header: rtp.Header{Version: 2, PayloadType: testRED, SequenceNumber: 6, Timestamp: 1920, SSRC: 9}, Payload: redPayload(redBlock{testOpus, 1920, spoken(1)}, redBlock{testOpus, 0, spoken(2)})},
		// 7 is missing, and whether it was of 960 or of 1920 later nobody can say.
		{Header: rtp.Header{Version: 2, PayloadType: testRED, SequenceNumber: 8, Timestamp: 1920 + 2880, SSRC: 9}, Payload: redPayload(redBlock{testOpus, 960, spoken(3)}, redBlock{testOpus, 0, spoken(4)})},
	} {
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h, _ := parseRTP(raw, 0)
		u.unpack(raw, h, each)
	}
	if !slices.Equal(got, []uint16{5, 6, 8}) {
		t.Errorf("came out as %v", got)
	}
}

func TestDamagedREDIsLetGo(t *testing.T) {
	for name, payload := range map[string][]byte{
		"empty":             {},
		"half a head":       {0x80 | testOpus, 0},
		"no last block":     {0x80 | testOpus, 0, 0, 4},
		"longer than it is": {0x80 | testOpus, 0, 3, 0xff, testOpus, 1, 2},
		"heads without end": bytes.Repeat([]byte{0x80 | testOpus, 0, 0, 0}, 20),
		"another codec":     {7, 1, 2, 3},
	} {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: testRED, SSRC: 9}, Payload: payload}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h, _ := parseRTP(raw, 0)
		u := unpacker{red: testRED, audio: testOpus}
		u.unpack(raw, h, func(packet []byte, _ bool) { t.Errorf("%s: came out as %v", name, packet) })
	}
}

// FuzzRED unpacks whatever comes after two good packets: nothing that comes out
// is longer than what went in, or no RTP.
func FuzzRED(f *testing.F) {
	f.Add([]byte{0x80 | testOpus, 0x0f, 0, 3, testOpus, 1, 2, 3, 4}, uint16(4), uint32(4*960))
	f.Add([]byte{testOpus}, uint16(3), uint32(2880))
	f.Add(bytes.Repeat([]byte{0x80 | testOpus, 0xff, 0xff, 0xff}, 9), uint16(9), uint32(0))
	f.Fuzz(func(t *testing.T, payload []byte, seq uint16, timestamp uint32) {
		u := unpacker{red: testRED, audio: testOpus}
		u.note(9, 1, 960)
		u.note(9, 2, 1920)
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: testRED, SequenceNumber: seq, Timestamp: timestamp, SSRC: 9}, Payload: payload}
		raw, err := p.Marshal()
		if err != nil {
			return
		}
		h, ok := parseRTP(raw, 0)
		if !ok {
			t.Fatal("a good header is none")
		}
		total := 0
		u.unpack(raw, h, func(packet []byte, redundant bool) {
			out, ok := parseRTP(packet, 0)
			if !ok || out.payloadType != testOpus || out.ssrc != 9 {
				t.Fatalf("%v", packet)
			}
			if redundant == (out.seq == seq) {
				t.Fatalf("redundant %v, and its number is %d", redundant, out.seq)
			}
			if _, again := map[uint16]bool{1: true, 2: true}[out.seq]; again && redundant {
				t.Fatalf("packet %d had come", out.seq)
			}
			total += out.end - out.payload
		})
		if total > len(payload) {
			t.Fatalf("%d bytes of %d", total, len(payload))
		}
	})
}
