// Package imports reads what lies around the files that are brought in from older
// recorders: tables (CSV) with their facts, names in whatever charset, folders. It
// decides nothing about calls and writes nothing. It starts no goroutine.
package imports

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"earshot"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// Decode is text in UTF-8 and the charset that it was in. UTF-16, which spreadsheets
// call Unicode, is known by its mark or by its zeros, and a mark of UTF-8 is believed,
// too. Else auto takes what is valid UTF-8 for that, and all other text for GB18030,
// which has GBK and GB2312 in it. Bytes that the charset does not know become U+FFFD.
func Decode(text []byte, charset string) (decoded, was string) {
	if order, is := isUTF16(text); is {
		made, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(text)
		if err == nil {
			return string(made), earshot.CharsetUTF16
		}
	}
	if bytes.HasPrefix(text, byteOrderMark) {
		return string(bytes.ToValidUTF8(text[len(byteOrderMark):], []byte("\uFFFD"))), earshot.CharsetUTF8
	}
	if charset == earshot.CharsetUTF8 || charset != earshot.CharsetGB18030 && utf8.Valid(text) {
		return string(bytes.ToValidUTF8(text, []byte("\uFFFD"))), earshot.CharsetUTF8
	}
	made, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil { // the decoder knows an answer for any byte
		return string(bytes.ToValidUTF8(text, []byte("\uFFFD"))), earshot.CharsetUTF8
	}
	return string(made), earshot.CharsetGB18030
}

// isUTF16 says whether text is in UTF-16, and in which order of bytes: it has its
// mark, or a zero, which is half of an ASCII character there and nothing elsewhere.
func isUTF16(text []byte) (order unicode.Endianness, is bool) {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		return unicode.BigEndian, true
	}
	at := bytes.IndexByte(text, 0)
	if at%2 == 0 {
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, at >= 0
}

// DecodeName is a file's path as it can be shown and kept, and whether it was no
// UTF-8. What is no GB18030 either keeps its odd bytes as \xNN. Each of its names is
// read by itself: a folder of today may have folders of older systems in it.
func DecodeName(name string) (shown string, recoded bool) {
	if utf8.ValidString(name) {
		return name, false
	}
	names := strings.Split(name, "/") // which is no part of a character in GB18030
	for i, one := range names {
		if isPlainUTF8(one) {
			continue
		}
		decoded, _ := Decode([]byte(one), earshot.CharsetGB18030)
		if strings.ContainsRune(decoded, utf8.RuneError) {
			decoded = escaped(one)
		}
		names[i] = decoded
	}
	return strings.Join(names, "/"), true
}

// isPlainUTF8 says whether a name beside others that are no UTF-8 is: ASCII, or with
// a character of three bytes, as Chinese ones are. Two bytes are often one of GB18030.
func isPlainUTF8(name string) bool {
	if !utf8.ValidString(name) {
		return false
	}
	ascii := true
	for _, r := range name {
		if r >= 0x800 {
			return true
		}
		ascii = ascii && r < utf8.RuneSelf
	}
	return ascii
}

// escaped is name with the bytes that are no UTF-8 written out.
func escaped(name string) string {
	const digits = "0123456789abcdef"
	var out []byte
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			out = append(out, '\\', 'x', digits[name[0]>>4], digits[name[0]&15])
		} else {
			out = append(out, name[:n]...)
		}
		name = name[n:]
	}
	return string(out)
}
