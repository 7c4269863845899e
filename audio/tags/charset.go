package tags

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is how text is read whose tag does not say how it is written, or says
// ISO-8859-1, which Chinese programs put GB18030 into.
type Charset string

// The charsets.
const (
	Auto    Charset = "auto" // UTF-8 where it is, else GB18030 where it can be, else ISO-8859-1
	UTF8    Charset = "utf-8"
	GB18030 Charset = "gb18030"
)

// Text is b as text.
func (c Charset) Text(b []byte) string {
	switch {
	case c == UTF8, c != GB18030 && utf8.Valid(b):
		return string(bytes.ToValidUTF8(b, []byte("\uFFFD")))
	case c == GB18030:
		text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
		if err != nil {
			return latin1(b)
		}
		return string(text)
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return latin1(b)
	}
	return string(text)
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// utf16Text reads UTF-16; without a mark of its order, in the one given.
func utf16Text(b []byte, order binary.ByteOrder) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		b, order = b[2:], binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		b, order = b[2:], binary.BigEndian
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
