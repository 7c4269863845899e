package recorder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"earshot"
)

// The kinds of records. They are part of the journal's format: a number is
// never used for something else.
const (
	recordState   uint8 = 1  // all of an open recording, at a segment's beginning
	recordBorn    uint8 = 2  // the same of a recording that begins
	recordName    uint8 = 3  // whose number this is, behind the states; meters begin anew
	recordOpen    uint8 = 4  // the tracks from now on
	recordPacket  uint8 = 5  // a packet
	recordClose   uint8 = 6  // a side's stream ended
	recordOver    uint8 = 7  // packets were thrown away before they came here
	recordReport  uint8 = 8  // a sender report
	recordPause   uint8 = 9  // a pause begins
	recordResume  uint8 = 10 // and ends
	recordAdvance uint8 = 11 // time passed
	recordEnd     uint8 = 12 // the call ended
	recordFacts   uint8 = 13 // what people and devices say of the call now
	recordTaken   uint8 = 14 // a file's name that was taken, and so is not this call's
	recordDone    uint8 = 15 // the call is stored: nothing of it is needed any more
)

// Record is one record of a journal. Each payload begins with two bytes: how many
// records of the call came before, the lowest 16 bits; done and states do not
// count.
type Record struct {
	Kind    uint8
	Call    uint32
	Payload []byte
}

// numberBytes is how long the number at the beginning of a payload is.
const numberBytes = 2

var errRecord = errors.New("not a record of a recording")

// pen writes the fields of a record, eye reads them. Numbers are little-endian.
type pen struct{ b []byte }

func (p *pen) begin(number uint16) { p.b = binary.LittleEndian.AppendUint16(p.b[:0], number) }
func (p *pen) byte(v byte)         { p.b = append(p.b, v) }
func (p *pen) u16(v uint16)        { p.b = binary.LittleEndian.AppendUint16(p.b, v) }
func (p *pen) u32(v uint32)        { p.b = binary.LittleEndian.AppendUint32(p.b, v) }
func (p *pen) time(t time.Time)    { p.b = binary.LittleEndian.AppendUint64(p.b, uint64(t.UnixNano())) }
func (p *pen) text(s string)       { p.b = append(append(p.b, byte(len(s))), s...) }

// Sides and codecs are a byte each.
const (
	sideNone = iota
	sideAgent
	sideCustomer
)

func (p *pen) side(s earshot.Side) {
	switch s {
	case earshot.SideAgent:
		p.byte(sideAgent)
	case earshot.SideCustomer:
		p.byte(sideCustomer)
	default:
		p.byte(sideNone)
	}
}

func (p *pen) track(t Track) {
	p.side(t.Side)
	mixed := byte(0)
	if t.Mixed {
		mixed = 1
	}
	p.byte(mixed)
	p.byte(byte(t.Channels))
	p.text(string(t.Codec))
}

// packet writes all of a packet but its payload.
func (p *pen) packet(v *Packet) {
	p.time(v.Arrival)
	p.side(v.Side)
	p.u32(v.SSRC)
	p.u16(v.Seq)
	p.u32(v.Timestamp)
	p.byte(v.Level)
	p.byte(v.Right)
}

type eye struct {
	b   []byte
	bad bool
}

func (e *eye) take(n int) []byte {
	if n > len(e.b) {
		e.bad, e.b = true, nil
		return make([]byte, n)
	}
	taken := e.b[:n]
	e.b = e.b[n:]
	return taken
}

func (e *eye) byte() byte  { return e.take(1)[0] }
func (e *eye) u16() uint16 { return binary.LittleEndian.Uint16(e.take(2)) }
func (e *eye) u32() uint32 { return binary.LittleEndian.Uint32(e.take(4)) }
func (e *eye) time() time.Time {
	return time.Unix(0, int64(binary.LittleEndian.Uint64(e.take(8)))).UTC()
}
func (e *eye) text() string { return string(e.take(int(e.byte()))) }

func (e *eye) side() earshot.Side {
	switch e.byte() {
	case sideAgent:
		return earshot.SideAgent
	case sideCustomer:
		return earshot.SideCustomer
	case sideNone:
		return ""
	}
	e.bad = true
	return ""
}

func (e *eye) track() Track {
	return Track{Side: e.side(), Mixed: e.byte() == 1, Channels: int(e.byte()), Codec: earshot.Codec(e.text())}
}

// packet reads a packet, whose payload is the record's.
func (e *eye) packet() Packet {
	p := Packet{Arrival: e.time(), Side: e.side(), SSRC: e.u32(), Seq: e.u16(), Timestamp: e.u32(), Level: e.byte(), Right: e.byte()}
	p.Payload = e.b
	return p
}

// apply tells a recording what the record says, and answers the record's time,
// zero if it has none. An error is the record's: what the recording answers was
// told to somebody else when it was first said.
func (r *Recording) apply(kind uint8, payload []byte) (time.Time, error) {
	e := eye{b: payload}
	var at time.Time
	switch kind {
	case recordPacket:
		p := e.packet()
		if at = p.Arrival; !e.bad {
			_ = r.Packet(p)
		}
	case recordAdvance:
		if at = e.time(); !e.bad {
			_ = r.Advance(at)
		}
	case recordOpen:
		at = e.time()
		tracks := make([]Track, e.byte())
		for i := range tracks {
			tracks[i] = e.track()
		}
		if !e.bad {
			_ = r.Open(at, tracks)
		}
	case recordClose:
		at = e.time()
		if side := e.side(); !e.bad {
			r.Close(at, side)
		}
	case recordOver:
		at = e.time()
		side := e.side()
		if lost := e.u32(); !e.bad {
			r.Overflow(at, side, int(lost))
		}
	case recordReport:
		ntp := e.time()
		side, ssrc := e.side(), e.u32()
		if timestamp := e.u32(); !e.bad {
			r.SenderReport(side, ssrc, ntp, timestamp)
		}
	case recordPause:
		if at = e.time(); !e.bad {
			r.Pause(at)
		}
	case recordResume:
		if at = e.time(); !e.bad {
			r.Resume(at)
		}
	case recordEnd:
		if at = e.time(); !e.bad {
			_ = r.End(at)
		}
	case recordFacts:
		e.bad = !r.setFacts(e.b)
	case recordName:
		r.FreshMeters()
	case recordTaken: // known before
	default:
		e.bad = true
	}
	if e.bad {
		return time.Time{}, fmt.Errorf("%w: kind %d, %d bytes", errRecord, kind, len(payload))
	}
	return at, nil
}

// facts is what setFacts takes: the call without what the recorder itself knows.
func (r *Recording) facts() []byte {
	call := r.call
	call.Parts, call.Gaps = nil, nil
	text, err := json.Marshal(call)
	if err != nil { // a call has nothing that JSON cannot say
		return nil
	}
	return text
}

func (r *Recording) setFacts(text []byte) bool {
	var call earshot.Call
	if json.Unmarshal(text, &call) != nil || call.ID != r.call.ID {
		return false
	}
	r.Facts(func(c *earshot.Call) { *c = call })
	return true
}
