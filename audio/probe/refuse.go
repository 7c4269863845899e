package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"earshot"
	"earshot/audio/wav"
)

// refuse is the error for a file that is not taken.
func refuse(code string) *earshot.Error {
	return earshot.Fail(earshot.Unsupported, code, "%s", refusals[code].english)
}

// magic is how files begin that are not taken, whatever else is in them.
var magic = []struct {
	at   int
	text string
	code string
}{
	{0, "#!AMR", "is_amr"},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "is_wma"},
	{4, "ftyp", "is_m4a"},
	{0, "fLaC", "is_flac"},
	{0, "#!SILK_V3", "is_silk"},
	{1, "#!SILK_V3", "is_silk"},
	{0, "FORM", "is_aiff"},
	{0, ".snd", "is_au"},
	{0, "riff\x2e\x91\xcf\x11", "is_w64"},
	{0, "\x1aE\xdf\xa3", "is_matroska"},
	{0, "MThd", "is_midi"},
	{8, "AVI ", "is_avi"},
	{0, "FLV\x01", "is_video"},
	{0, "\x00\x00\x01\xba", "is_video"},
	{0, "PK\x03\x04", "is_zip"},
	{0, "PK\x05\x06", "is_zip"},
	{0, "Rar!\x1a\x07", "is_rar"},
	{0, "7z\xbc\xaf\x27\x1c", "is_7z"},
	{0, "\x1f\x8b\x08", "is_gzip"},
	{0, "%PDF-", "is_pdf"},
	{0, "\x89PNG\r\n", "is_image"},
	{0, "GIF8", "is_image"},
	{0, "\xff\xd8\xff\xe0", "is_image"},
	{0, "\xff\xd8\xff\xe1", "is_image"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is_office"},
	{0, "MZ\x90\x00", "is_program"},
	{0, "\x7fELF", "is_program"},
	{0, "SQLite format 3\x00", "is_database"},
	{0, "RIFX", "wav_other"},
}

// headBytes is how much of a file's beginning is looked at for what it is.
const headBytes = 64 << 10

// headOf is the beginning of the file, behind an ID3 tag if there is one.
func headOf(r io.ReaderAt, size int64) ([]byte, error) {
	head := make([]byte, min(size, headBytes))
	for at := int64(0); ; {
		n, err := r.ReadAt(head[:min(int64(len(head)), size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the beginning of the file: %w", err)
		}
		head = head[:n]
		tag := id3Bytes(head)
		if at > 0 || tag == 0 || tag >= size {
			if at > 0 && isWAV(head) {
				return nil, refuse("wav_behind_tag")
			}
			return head, nil
		}
		at = tag
	}
}

// id3Bytes is the length of an ID3v2 tag that begins here, or 0.
func id3Bytes(b []byte) int64 {
	if len(b) < 10 || string(b[:3]) != "ID3" || (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
		return 0
	}
	return 10 + int64(b[6])<<21 + int64(b[7])<<14 + int64(b[8])<<7 + int64(b[9])
}

// known is the code of a file that begins as one that is not taken, or nothing.
func known(head []byte) string {
	for _, m := range magic {
		if len(head) > m.at && bytes.HasPrefix(head[m.at:], []byte(m.text)) {
			return m.code
		}
	}
	return ""
}

// guess says what a file is in which no frames were found.
func guess(head []byte) string {
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case len(bytes.Trim(head, "\x00")) == 0:
		return "all_zero"
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return "is_html"
	case isText(head), isWideText(head):
		return "is_text"
	case hidesWAV(head):
		return "wav_behind_tag"
	case chained(head, adtsBytes):
		return "is_aac"
	case chained(head, layer2Bytes):
		return "is_mp2"
	case len(head) > 4096 && entropy(head) > 7.9:
		return "looks_crypted"
	}
	return "not_audio"
}

// isWideText says whether what has the mark of UTF-16 is text in it.
func isWideText(head []byte) bool {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return false
	}
	some := head[2:min(len(head), 4096)]
	for ; len(some) >= 2; some = some[2:] {
		switch c := rune(order.Uint16(some)); {
		case c == '\t', c == '\r', c == '\n', utf16.IsSurrogate(c):
		case !unicode.IsPrint(c):
			return false
		}
	}
	return true
}

// hidesWAV says whether a WAVE file begins somewhere in the beginning.
func hidesWAV(head []byte) bool {
	for at := range head {
		if isWAV(head[at:]) {
			return true
		}
	}
	return false
}

func isText(head []byte) bool {
	some := head[:min(len(head), 4096)]
	ascii := 0
	for _, c := range some {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\f' {
			return false
		}
		if c < utf8.RuneSelf {
			ascii++
		}
	}
	return len(some) > 0 && (utf8.Valid(wholeRunes(some)) || ascii > len(some)/2 || isGB18030(some))
}

// wholeRunes is text without what its end cut off a character.
func wholeRunes(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// isGB18030 says whether text is Chinese as GB18030 and its forerunners write it: in
// pairs, nearly all of them characters that everybody uses. Any two bytes can be some
// pair; noise has as many of those that nobody does.
func isGB18030(text []byte) bool {
	pairs, usual := 0, 0
	for len(text) > 1 { // the last byte may be half of one
		lead, trail := text[0], text[1]
		switch {
		case lead < utf8.RuneSelf:
			text = text[1:]
			continue
		case lead == 0x80, lead == 0xff, trail < '0', trail > '9' && trail < 0x40, trail == 0x7f, trail == 0xff:
			return false
		}
		pairs++
		if trail >= 0xa1 && (lead >= 0xa1 && lead <= 0xa3 || lead >= 0xb0 && lead <= 0xf7) { // GB2312: signs and characters
			usual++
		}
		text = text[2:]
	}
	return pairs > 0 && usual*4 >= pairs*3
}

// chained says whether four frames follow one another somewhere in the beginning.
// length is that of a frame which begins here, 0 if none does.
func chained(head []byte, length func([]byte) int) bool {
	for at := range head[:min(len(head), 8192)] {
		next, n := at, 0
		for n < 4 && next+7 <= len(head) {
			k := length(head[next:])
			if k == 0 {
				break
			}
			next, n = next+k, n+1
		}
		if n == 4 {
			return true
		}
	}
	return false
}

// adtsBytes is the length of an AAC frame.
func adtsBytes(b []byte) int {
	if b[0] != 0xff || b[1]&0xf6 != 0xf0 || b[2]>>2&15 > 12 {
		return 0
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if n < 7 {
		return 0
	}
	return n
}

// layer2Bytes is the length of a frame of MPEG audio's Layer II.
func layer2Bytes(b []byte) int {
	version, bitrate, rate := b[1]>>3&3, b[2]>>4, b[2]>>2&3
	if b[0] != 0xff || b[1]&0xe6 != 0xe4 || version < 2 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return 0
	}
	rates := [3]int{44100, 48000, 32000}
	kbits := [2][15]int{
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
	}
	hz := rates[rate] >> (3 - version)
	return 144000*kbits[version-2][bitrate]/hz + int(b[2]>>1&1)
}

// entropy is how many bits of a byte tell something, 8 in noise.
func entropy(b []byte) float64 {
	var count [256]float64
	for _, c := range b {
		count[c]++
	}
	bits := 0.0
	for _, n := range count {
		if n > 0 {
			p := n / float64(len(b))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// kind is how an encoding of WAVE files is kept.
type kind struct {
	codec earshot.Codec
	name  string
}

var wavKinds = map[wav.Encoding]kind{
	wav.PCM: {earshot.PCM, "PCM"}, wav.Float: {earshot.PCM, "PCM, floating"},
	wav.ALaw: {earshot.PCMA, "G.711 A-law"}, wav.ULaw: {earshot.PCMU, "G.711 µ-law"},
	wav.MSADPCM: {earshot.ADPCM, "Microsoft ADPCM"}, wav.IMA: {earshot.ADPCM, "IMA ADPCM"},
	wav.GSM: {earshot.GSM, "GSM 6.10"},
}

// wavCode is why a WAVE file of an encoding is not taken.
func wavCode(e wav.Encoding) string {
	switch e {
	case 0x10, 0x17, 0x203:
		return "wav_oki"
	case 0x22:
		return "wav_truespeech"
	case 0x14, 0x42, 0x111, 0xA100:
		return "wav_g723"
	case 0x40, 0x45, 0x64, 0x85, 0x14C, 0xA107:
		return "wav_g726"
	case 0x83, 0x133, 0xA10F:
		return "wav_g729"
	case 0xFF, 0x1600, 0x1602, 0xA106:
		return "wav_aac"
	case 0x160, 0x161, 0x162, 0x163:
		return "wav_wma"
	}
	return "wav_other"
}
