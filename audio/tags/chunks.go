package tags

import (
	"bytes"
	"encoding/binary"

	"earshot/audio/wav"
)

// info reads an INFO list: a name, a length and a text each.
func (t *reader) info(c wav.Chunk) error {
	b, err := t.bytes(c.Offset, min(c.Bytes, 1<<20))
	if err != nil || len(b) < 4 {
		return err
	}
	b = b[4:] // INFO
	for len(b) >= 8 {
		name, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		text := b[:min(size, int64(len(b)), mostText)]
		text, _, _ = bytes.Cut(text, []byte{0})
		t.named(name, t.charset.Text(text))
		b = b[min(size+size&1, int64(len(b))):]
	}
	return nil
}

// broadcast reads a broadcast extension: description, originator, when.
func (t *reader) broadcast(c wav.Chunk) error {
	b, err := t.bytes(c.Offset, min(c.Bytes, 602))
	if err != nil || len(b) < 338 {
		return err
	}
	field := func(from, to int) string {
		text, _, _ := bytes.Cut(b[from:to], []byte{0})
		return t.charset.Text(text)
	}
	set(&t.Comment, field(0, 256))
	t.extra("originator", field(256, 288))
	t.extra("originator reference", field(288, 320))
	date, clock := line(field(320, 330)), line(field(330, 338))
	if clock != "" && date != "" {
		date += "T" + clock
	}
	set(&t.Date, date)
	return nil
}

// ape reads the items of an APE tag that lies in b.
func (t *reader) ape(b []byte) {
	foot := bytes.LastIndex(b, []byte("APETAGEX"))
	if foot < 0 || foot+32 > len(b) || b[foot+23]&0x20 != 0 {
		return
	}
	le := binary.LittleEndian
	size := int(min(le.Uint32(b[foot+12:]), 1<<20)) - 32
	items := b[max(foot-max(size, 0), 0):foot]
	for range min(le.Uint32(b[foot+16:]), mostFrames) {
		if len(items) < 9 {
			return
		}
		n, flags := int64(le.Uint32(items)), le.Uint32(items[4:])
		name, rest, ok := bytes.Cut(items[8:], []byte{0})
		if !ok || n > int64(len(rest)) {
			return
		}
		if flags&6 == 0 { // text
			text, _, _ := bytes.Cut(rest[:n], []byte{0})
			t.named(string(name), t.charset.Text(text))
		}
		items = rest[n:]
	}
}
