package ingest

import "encoding/binary"

// RED (RFC 2198) is not asked for: it doubles a seat's bandwidth and does not
// help against bursts. Where a sender sends it all the same it is unpacked here,
// and nothing further in knows of it.

// maxBlocks is how many blocks of one packet are looked at; browsers send two or
// three.
const maxBlocks = 8

// redBlock is one of the pieces of audio in a packet.
type redBlock struct {
	payloadType uint8
	offset      uint32 // by how much its RTP time is before the packet's; 0: the packet's own audio
	data        []byte
}

// splitRED takes the payload of a RED packet apart: the redundant blocks, oldest
// first as senders write them, then the packet's own. ok is false where the
// payload is damaged.
func splitRED(payload []byte, into *[maxBlocks]redBlock) (blocks []redBlock, ok bool) {
	blocks = into[:0]
	var sizes [maxBlocks]int
	for {
		if len(payload) == 0 || len(blocks) == maxBlocks {
			return nil, false
		}
		b := redBlock{payloadType: payload[0] & 0x7f}
		if payload[0]&0x80 == 0 { // the last
			payload = payload[1:]
			blocks = append(blocks, b)
			break
		}
		if len(payload) < 4 {
			return nil, false
		}
		rest := uint32(payload[1])<<16 | uint32(payload[2])<<8 | uint32(payload[3])
		b.offset = rest >> 10
		sizes[len(blocks)] = int(rest & 0x3ff)
		payload = payload[4:]
		blocks = append(blocks, b)
	}
	last := len(blocks) - 1
	for i := range blocks[:last] {
		if sizes[i] > len(payload) {
			return nil, false
		}
		blocks[i].data, payload = payload[:sizes[i]], payload[sizes[i]:]
	}
	blocks[last].data = payload
	return blocks, true
}

// redHistory is how many packets back a redundant block may be of one that did
// not come.
const redHistory = 64

// unpacker makes ordinary RTP packets of one track's RED packets. It belongs to
// the one that reads the track.
type unpacker struct {
	red   uint8 // payload type of RED
	audio uint8 // payload type of the audio in it

	ssrc   uint32
	came   [redHistory]redPacket // by sequence number
	blocks [maxBlocks]redBlock
	buf    []byte
}

type redPacket struct {
	here      bool
	seq       uint16
	timestamp uint32
}

// note remembers a packet that came, whether as RED or as it is.
func (u *unpacker) note(ssrc uint32, seq uint16, timestamp uint32) {
	if ssrc != u.ssrc {
		u.ssrc, u.came = ssrc, [redHistory]redPacket{}
	}
	u.came[seq%redHistory] = redPacket{true, seq, timestamp}
}

func (u *unpacker) knows(seq uint16) (redPacket, bool) {
	p := u.came[seq%redHistory]
	return p, p.here && p.seq == seq
}

// unpack hands on what is in a RED packet with the header h as ordinary packets:
// first those that did not come and are in redundant blocks, then its own. A
// packet is only valid during the call.
func (u *unpacker) unpack(packet []byte, h rtpHeader, each func(packet []byte, redundant bool)) {
	blocks, ok := splitRED(packet[h.payload:h.end], &u.blocks)
	if !ok {
		return
	}
	own := blocks[len(blocks)-1]
	if h.ssrc != u.ssrc {
		u.ssrc, u.came = h.ssrc, [redHistory]redPacket{}
	}
	for _, b := range blocks[:len(blocks)-1] {
		seq, missed := u.missed(h.seq, h.timestamp, h.timestamp-b.offset)
		if missed && b.payloadType == u.audio && len(b.data) > 0 {
			u.note(h.ssrc, seq, h.timestamp-b.offset)
			each(u.plain(seq, h.timestamp-b.offset, h.ssrc, b.data), true)
		}
	}
	if own.payloadType != u.audio {
		return
	}
	u.note(h.ssrc, h.seq, h.timestamp)
	u.buf = append(append(u.buf[:0], packet[:h.payload]...), own.data...)
	u.buf[0] &^= 0x20 // padding was taken off
	u.buf[1] = u.buf[1]&0x80 | u.audio
	each(u.buf, false)
}

// missed finds the sequence number of the audio of an earlier time if it did not
// come. Blocks are known by their time alone: between words a sender's blocks
// are not of the packet just before. The time must lie evenly among the packets
// that are missing, or the block is let go: it is being asked for anyway.
func (u *unpacker) missed(seq uint16, timestamp, of uint32) (uint16, bool) {
	for back := uint16(1); back < redHistory; back++ {
		p, here := u.knows(seq - back)
		if !here {
			continue
		}
		span, at := timestamp-p.timestamp, of-p.timestamp
		switch {
		case at == 0:
			return 0, false // that one came
		case at > span: // it is older still
			if p.timestamp-of > 1<<16 {
				return 0, false
			}
			seq, timestamp, back = p.seq, p.timestamp, 0
			continue
		case back == 1 || uint64(at)*uint64(back)%uint64(span) != 0:
			return 0, false
		}
		n := uint16(uint64(at) * uint64(back) / uint64(span))
		return p.seq + n, n > 0 && n < back
	}
	return 0, false
}

// plain is an ordinary packet of a redundant block.
func (u *unpacker) plain(seq uint16, timestamp, ssrc uint32, data []byte) []byte {
	b := append(u.buf[:0], 0x80, u.audio)
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	u.buf = append(b, data...)
	return u.buf
}
