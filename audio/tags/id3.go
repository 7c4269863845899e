package tags

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"time"
)

// id3v2 reads the ID3v2 tag in [from, to), if one begins there.
func (t *reader) id3v2(from, to int64) error {
	head, err := t.bytes(from, min(10, to-from))
	if err != nil || len(head) < 10 || string(head[:3]) != "ID3" || head[3] < 2 || head[3] > 4 {
		return err
	}
	from += 10
	to = min(to, from+int64(syncsafe(head[6:])))
	body := io.Reader(io.NewSectionReader(t.r, from, max(to-from, 0)))
	tag := &id3{reader: t, version: head[3], left: to - from}
	if head[5]&0x80 != 0 && tag.version < 4 {
		body = &desync{r: body} // of 2.4 each frame is by itself
	}
	tag.body = body
	if head[5]&0x40 != 0 && tag.version > 2 {
		if err := tag.passExtended(); err != nil {
			return damagedTag(err)
		}
	}
	for range mostFrames {
		if more, err := tag.frame(); !more || err != nil {
			tag.finish()
			return damagedTag(err)
		}
	}
	tag.finish()
	return nil
}

// damagedTag is nil where err only says that the tag ends too early.
func damagedTag(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull gives these as they are
		return nil
	}
	return err
}

func syncsafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}

// desync takes away the zeros that were put behind 0xFF.
type desync struct {
	r    io.Reader
	last byte
}

func (d *desync) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	kept := 0
	for _, c := range p[:n] {
		if d.last != 0xff || c != 0 {
			p[kept] = c
			kept++
		}
		d.last = c
	}
	return kept, err
}

// id3 is an ID3v2 tag that is being read.
type id3 struct {
	*reader
	version          byte
	body             io.Reader
	left             int64
	year, day, clock string // of versions before 2.4
}

// passExtended passes over the extended header.
func (t *id3) passExtended() error {
	b := make([]byte, 4)
	if _, err := io.ReadFull(t.body, b); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(b))
	if t.version == 4 {
		n = int64(syncsafe(b)) - 4
	}
	return t.pass(n)
}

func (t *id3) pass(n int64) error {
	if n < 0 || n > t.left {
		return io.ErrUnexpectedEOF
	}
	if s, ok := t.body.(io.Seeker); ok {
		_, err := s.Seek(n, io.SeekCurrent)
		return err
	}
	_, err := io.CopyN(io.Discard, t.body, n)
	return err
}

// frame reads the next frame; more is false behind the last.
func (t *id3) frame() (more bool, err error) {
	head := make([]byte, 10)
	if t.version == 2 {
		head = head[:6]
	}
	if _, err := io.ReadFull(t.body, head); err != nil {
		return false, err
	}
	if head[0] == 0 {
		return false, nil // padding
	}
	id, size, flags := t.frameHead(head)
	if size > t.left {
		return false, nil
	}
	if !isText(id) || flags&0x0c != 0 && t.version == 4 || flags&0xc0 != 0 && t.version == 3 { // compressed, encrypted
		return true, t.pass(size)
	}
	b := make([]byte, min(size, mostText))
	if _, err := io.ReadFull(t.body, b); err != nil {
		return false, err
	}
	if t.version == 4 {
		if flags&0x01 != 0 && len(b) >= 4 {
			b = b[4:] // its length before
		}
		if flags&0x02 != 0 {
			b = bytes.ReplaceAll(b, []byte{0xff, 0}, []byte{0xff})
		}
	}
	t.text(id, b)
	return true, t.pass(size - min(size, mostText))
}

// frameHead is a frame's name, length and flags of format.
func (t *id3) frameHead(head []byte) (id string, size int64, flags byte) {
	switch t.version {
	case 2:
		return string(head[:3]), int64(head[3])<<16 | int64(head[4])<<8 | int64(head[5]), 0
	case 4:
		// Some write plain numbers; those of syncsafe ones have no high bits.
		if (head[4]|head[5]|head[6]|head[7])&0x80 == 0 {
			return string(head[:4]), int64(syncsafe(head[4:])), head[9]
		}
	}
	return string(head[:4]), int64(binary.BigEndian.Uint32(head[4:])), head[9]
}

func isText(id string) bool {
	return id[0] == 'T' || id == "COMM" || id == "COM"
}

// text takes in a frame of text.
func (t *id3) text(id string, b []byte) {
	if len(b) < 2 {
		return
	}
	encoding, b := b[0], b[1:]
	switch id {
	case "COMM", "COM":
		if len(b) < 3 {
			return
		}
		name, text := t.pair(encoding, b[3:])
		if line(name) == "" {
			set(&t.Comment, text)
		} else {
			t.extra("comment "+line(name), text)
		}
	case "TXXX", "TXX":
		name, text := t.pair(encoding, b)
		t.extra(name, text)
	default:
		t.known(id, t.decode(encoding, b))
	}
}

// known keeps a text by the name of its frame.
func (t *id3) known(id, text string) {
	text, _, _ = strings.Cut(strings.TrimLeft(text, "\x00"), "\x00") // the first of several
	switch id {
	case "TIT2", "TT2":
		set(&t.Title, text)
	case "TPE1", "TP1":
		set(&t.Artist, text)
	case "TALB", "TAL":
		set(&t.Album, text)
	case "TDRC", "TDRL":
		set(&t.Date, text)
	case "TYER", "TYE":
		set(&t.year, text)
	case "TDAT", "TDA":
		set(&t.day, text)
	case "TIME", "TIM":
		set(&t.clock, text)
	case "TLEN", "TLE":
		if ms, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && ms > 0 && ms < 1<<40 {
			t.Duration = time.Duration(ms) * time.Millisecond
		}
	default:
		t.extra(id, text)
	}
}

// finish puts a date together of its pieces: year, DDMM, HHMM.
func (t *id3) finish() {
	date := t.year
	if len(t.year) == 4 && len(t.day) == 4 {
		date += "-" + t.day[2:] + "-" + t.day[:2]
		if len(t.clock) == 4 {
			date += "T" + t.clock[:2] + ":" + t.clock[2:]
		}
	}
	set(&t.Date, date)
}

// decode is a text in one of the encodings of ID3v2.
func (t *reader) decode(encoding byte, b []byte) string {
	switch encoding {
	case 1:
		return utf16Text(b, binary.LittleEndian)
	case 2:
		return utf16Text(b, binary.BigEndian)
	case 3:
		if t.charset != GB18030 {
			return Auto.Text(b)
		}
		return string(bytes.ToValidUTF8(b, nil))
	}
	return t.charset.Text(b)
}

// pair is a name and a text, with a zero between them.
func (t *reader) pair(encoding byte, b []byte) (name, text string) {
	at, zero := bytes.IndexByte(b, 0), 1
	if encoding == 1 || encoding == 2 {
		at, zero = -1, 2
		for i := 0; i+1 < len(b); i += 2 {
			if b[i] == 0 && b[i+1] == 0 {
				at = i
				break
			}
		}
	}
	if at < 0 {
		return "", t.decode(encoding, b)
	}
	return t.decode(encoding, b[:at]), t.decode(encoding, b[at+zero:])
}

// id3v1 reads the 128 bytes at the end of a file.
func (t *reader) id3v1(b []byte) {
	field := func(from, to int) string {
		text, _, _ := bytes.Cut(b[from:to], []byte{0})
		return t.charset.Text(whole(text, t.charset))
	}
	set(&t.Title, field(3, 33))
	set(&t.Artist, field(33, 63))
	set(&t.Album, field(63, 93))
	set(&t.Date, field(93, 97))
	set(&t.Comment, field(97, 127))
}

// whole takes away the half of a character at the end of a field that was too
// short for it.
func whole(b []byte, charset Charset) []byte {
	if len(b) < 28 {
		return b
	}
	for cut := range 4 {
		text := charset.Text(b[:len(b)-cut])
		if !strings.ContainsRune(text, '\uFFFD') && (charset == UTF8 || text != latin1(b[:len(b)-cut])) {
			return b[:len(b)-cut]
		}
	}
	return b
}
