package recorder

import (
	"fmt"
	"hash/fnv"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// muxer turns units into a file's bytes. Its methods append to dst and answer it.
type muxer interface {
	// begin writes what a file begins with.
	begin(dst []byte) []byte
	// add writes the units of all sides for one time; all have the same length.
	add(dst []byte, units []unit) []byte
	// finish writes what is left.
	finish(dst []byte) []byte
	// patches are what has to be written over at the end.
	patches() []wav.Patch
	clone() muxer
	// state shows the muxer's fields.
	state(c *coder)
}

// pageSamples is how much audio a page of Ogg holds.
const pageSamples = second

// oggMuxer writes Ogg Opus.
type oggMuxer struct {
	head    ogg.OpusHead
	tags    ogg.OpusTags
	w       ogg.Writer
	granule int64
	page    int64 // where the page being gathered begins
	scratch []byte
}

// newOggMuxer is for two mono tracks combined, or for one of so many channels.
func newOggMuxer(name string, combined bool, channels int, comments []string) *oggMuxer {
	head := ogg.Mono(channels)
	if combined {
		head = ogg.TwoMono()
	}
	serial := fnv.New32a()
	fmt.Fprint(serial, name) // a hash never fails
	return &oggMuxer{head: head, tags: ogg.OpusTags{Vendor: "earshot", Comments: comments}, w: ogg.NewWriter(serial.Sum32())}
}

func (m *oggMuxer) begin(dst []byte) []byte { return m.w.Headers(dst, m.head, m.tags) }

// add writes the first side's packet in self-delimited framing, if there are
// two, and the last one's as it is. A full page is written only when another
// packet comes: the last page must not be empty.
func (m *oggMuxer) add(dst []byte, units []unit) []byte {
	if m.granule-m.page >= pageSamples {
		dst = m.w.Flush(dst)
		m.page = m.granule
	}
	packet := m.scratch[:0]
	for i, u := range units {
		switch last := i == len(units)-1; {
		case u.data == nil:
			packet = appendFiller(packet, u.samples, m.head.Coupled > 0)
			if !last {
				packet = append(packet, 0) // the size of its empty frame
			}
		case last:
			packet = append(packet, u.data...)
		default:
			framed, err := opus.SelfDelimit(packet, u.data)
			if err != nil { // every packet was measured before it came here
				framed = append(appendFiller(packet, u.samples, false), 0)
			}
			packet = framed
		}
	}
	m.scratch = packet
	m.granule += units[0].samples
	return m.w.Packet(dst, packet, m.granule)
}

func (m *oggMuxer) finish(dst []byte) []byte { return m.w.Finish(dst) }

func (m *oggMuxer) patches() []wav.Patch { return nil }

func (m *oggMuxer) clone() muxer {
	c := *m
	c.w, c.scratch = m.w.Clone(), nil
	return &c
}

// wavMuxer writes G.711 in a WAVE file.
type wavMuxer struct {
	encoding wav.Encoding
	silence  byte
	channels int
	bytes    int64
	waiting  []byte // less than a second that is not written yet
}

func newWAVMuxer(codec earshot.Codec, channels int) (*wavMuxer, error) {
	encoding, err := wav.Of(codec)
	if err != nil {
		return nil, err
	}
	return &wavMuxer{encoding: encoding, silence: g711Silence(codec), channels: channels}, nil
}

func (m *wavMuxer) begin(dst []byte) []byte {
	return wav.AppendHeader(dst, m.encoding, m.channels, 0)
}

func (m *wavMuxer) add(dst []byte, units []unit) []byte {
	frames := int(units[0].samples / g711Step)
	each := m.channels / len(units) // channels of a unit
	at := len(m.waiting)
	for range frames * m.channels {
		m.waiting = append(m.waiting, m.silence)
	}
	for i, u := range units {
		for k, b := range u.data {
			m.waiting[at+k/each*m.channels+i*each+k%each] = b
		}
	}
	m.bytes += int64(frames * m.channels)
	if len(m.waiting) >= 8000*m.channels {
		return m.finish(dst)
	}
	return dst
}

func (m *wavMuxer) finish(dst []byte) []byte {
	dst = append(dst, m.waiting...)
	m.waiting = m.waiting[:0]
	return dst
}

func (m *wavMuxer) patches() []wav.Patch { return wav.Patches(m.channels, m.bytes) }

func (m *wavMuxer) clone() muxer {
	c := *m
	c.waiting = append([]byte(nil), m.waiting...)
	return &c
}
