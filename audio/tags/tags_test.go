package tags

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"earshot/audio/audiotest"
)

const (
	gbTitle  = "\xb5\xe7\xb7\xd1\xcd\xb6\xcb\xdf" // 电费投诉
	gbArtist = "\xd5\xc5\xc8\xfd"                 // 张三
)

func frame(id string, body string) string {
	return id + string(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) + "\x00\x00" + body
}

func frame4(id string, flags byte, body string) string {
	n := len(body)
	return id + string([]byte{byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127), 0, flags}) + body
}

func tag(version, flags byte, frames ...string) string {
	body := strings.Join(frames, "")
	if flags&0x80 != 0 && version < 4 {
		body = strings.ReplaceAll(body, "\xff", "\xff\x00")
	}
	n := len(body)
	return "ID3" + string([]byte{version, 0, flags, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}) + body
}

func wide(text string) string {
	out := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

func v1(title, artist string) string {
	b := make([]byte, 128)
	copy(b, "TAG")
	copy(b[3:33], title)
	copy(b[33:63], artist)
	copy(b[93:97], "2019")
	return string(b)
}

func chunk(id, body string) string {
	if len(body)%2 == 1 {
		body += "\x00"
	}
	return id + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func wave(chunks ...string) string {
	body := "WAVE" + chunk("fmt ", "\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00") + strings.Join(chunks, "") + chunk("data", "abcd")
	return chunk("RIFF", body)
}

func apeTag(name, text string) string {
	le := binary.LittleEndian
	item := string(le.AppendUint32(nil, uint32(len(text)))) + "\x00\x00\x00\x00" + name + "\x00" + text
	return item + "APETAGEX\xd0\x07\x00\x00" + string(le.AppendUint32(nil, uint32(len(item)+32))) + "\x01\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 8)
}

// TestTags reads tags as programs write them.
func TestTags(t *testing.T) {
	bext := make([]byte, 602)
	copy(bext, "counter 3")
	copy(bext[256:], "NICE")
	copy(bext[320:], "2018-05-06")
	copy(bext[330:], "07:08:09")
	for _, c := range []struct {
		name    string
		file    string
		charset Charset
		want    Tags
	}{
		{"nothing", "", Auto, Tags{}},
		{"2.3, GB18030 as ISO-8859-1", tag(3, 0, frame("TIT2", "\x00"+gbTitle), frame("TPE1", "\x00"+gbArtist)), Auto, Tags{Title: "电费投诉", Artist: "张三"}},
		{"2.3, told to be GB18030", tag(3, 0, frame("TIT2", "\x00"+gbTitle)), GB18030, Tags{Title: "电费投诉"}},
		{"2.3, UTF-8 as ISO-8859-1", tag(3, 0, frame("TIT2", "\x00电费")), Auto, Tags{Title: "电费"}},
		{"2.3, UTF-16", tag(3, 0, frame("TIT2", "\x01"+wide("电费")), frame("COMM", "\x01chi"+wide("")+"\x00\x00"+wide("很吵"))), Auto, Tags{Title: "电费", Comment: "很吵"}},
		{"2.3, unsynchronised", tag(3, 0x80, frame("APIC", strings.Repeat("\xff\xfb\x90\x00", 5000)), frame("TIT2", "\x01"+wide("电费"))), Auto, Tags{Title: "电费"}},
		{"2.3, a date in pieces", tag(3, 0, frame("TYER", "\x002017"), frame("TDAT", "\x002503"), frame("TIME", "\x001425")), Auto, Tags{Date: "2017-03-25T14:25"}},
		{"2.4", tag(4, 0, frame4("TIT2", 0, "\x03电费\x00水费"), frame4("TDRC", 0, "\x032020-01-02T03:04:05"), frame4("TLEN", 0, "\x0361500"), frame4("TXXX", 0, "\x03坐席\x008001")), Auto,
			Tags{Title: "电费", Date: "2020-01-02T03:04:05", Duration: 61500 * time.Millisecond, Extra: map[string]string{"坐席": "8001"}}},
		{"2.4, a frame unsynchronised, with its length", tag(4, 0, frame4("TIT2", 3, "\x00\x00\x00\x05\x01\xff\x00\xfe5u")), Auto, Tags{Title: "电"}},
		{"2.4, compressed and encrypted frames", tag(4, 0, frame4("TIT2", 8, "zzzz"), frame4("TPE1", 4, "zzzz"), frame4("TALB", 0, "\x03x")), Auto, Tags{Album: "x"}},
		{"2.2", tag(2, 0, "TT2\x00\x00\x09\x00"+gbTitle), Auto, Tags{Title: "电费投诉"}},
		{"a picture of 5 MB first", tag(3, 0, frame("APIC", strings.Repeat("z", 5<<20)), frame("TIT2", "\x00x")), Auto, Tags{Title: "x"}},
		{"a frame longer than its tag", tag(3, 0, frame("TIT2", "\x00x"), "TPE1\x7f\xff\xff\xff\x00\x00\x00abc"), Auto, Tags{Title: "x"}},
		{"a tag longer than its file", "ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + frame("TIT2", "\x00x"), Auto, Tags{Title: "x"}},
		{"ID3v1", "audio" + v1(gbTitle, gbArtist), Auto, Tags{Title: "电费投诉", Artist: "张三", Date: "2019"}},
		{"ID3v1, cut in a character", "audio" + v1(strings.Repeat(gbArtist[:2], 14)+"a\xd5", ""), Auto, Tags{Title: strings.Repeat("张", 14) + "a", Date: "2019"}},
		{"ID3v2 before ID3v1", tag(3, 0, frame("TIT2", "\x00x")) + v1("y", "z"), Auto, Tags{Title: "x", Artist: "z", Date: "2019"}},
		{"APE", "audio" + apeTag("Artist", "张三") + v1("", ""), Auto, Tags{Artist: "张三", Date: "2019"}},
		{"INFO", wave(chunk("LIST", "INFO"+chunk("INAM", gbTitle+"\x00")+chunk("ICRD", "2016-01-01\x00")+chunk("ISFT", "Lavf"))), Auto,
			Tags{Title: "电费投诉", Date: "2016-01-01", Extra: map[string]string{"ISFT": "Lavf"}}},
		{"INFO longer than its list", wave("LIST\x10\x00\x00\x00INFOINAM\xff\xff\xff\xffabcd"), Auto, Tags{Title: "abcd"}},
		{"a broadcast extension", wave(chunk("bext", string(bext))), Auto, Tags{Comment: "counter 3", Date: "2018-05-06T07:08:09", Extra: map[string]string{"originator": "NICE"}}},
		{"ID3 in a WAVE file", wave(chunk("id3 ", tag(3, 0, frame("TIT2", "\x00x")))), Auto, Tags{Title: "x"}},
		{"accents", tag(3, 0, frame("TIT2", "\x00caf\xe9")), Auto, Tags{Title: "café"}},
		{"what cannot be shown", tag(3, 0, frame("TIT2", "\x03a\nb\x07c")), Auto, Tags{Title: "a bc"}},
	} {
		got, err := Read(strings.NewReader(c.file), int64(len(c.file)), c.charset)
		if c.want.Extra == nil {
			c.want.Extra = map[string]string{}
		}
		if err != nil || cmp.Diff(c.want, got) != "" {
			t.Errorf("%s: %v %s", c.name, err, cmp.Diff(c.want, got))
		}
	}
}

// TestAgainstOthers reads what lame and ffmpeg write.
func TestAgainstOthers(t *testing.T) {
	audiotest.Need(t, "lame", "ffmpeg")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, c := range []struct {
		form audiotest.Form
		want string // artist and title
	}{
		{audiotest.Form{Program: "lame", Args: "--tt 电费 --ta 张三 --add-id3v2", Ending: ".mp3"}, "张三/电费"},
		{audiotest.Form{Program: "lame", Args: "--id3v2-utf16 --tt 电费 --ta 张三", Ending: ".mp3"}, "张三/电费"},
		{audiotest.Form{Program: "ffmpeg", Args: "-metadata title=电费 -metadata artist=张三", Ending: ".mp3"}, "张三/电费"},
		{audiotest.Form{Program: "ffmpeg", Args: "-metadata title=电费 -metadata artist=张三 -id3v2_version 3", Ending: ".mp3"}, "张三/电费"},
		{audiotest.Form{Program: "ffmpeg", Args: "-metadata title=电费 -metadata artist=张三", Ending: ".wav"}, "张三/电费"},
		{audiotest.Form{Program: "ffmpeg", Args: "-metadata title=电费 -metadata artist=张三 -ar 48000 -c:a libopus", Ending: ".opus"}, "张三/电费"},
	} {
		file := audiotest.Read(t, c.form.Make(t, source, dir))
		got, err := Read(bytes.NewReader(file), int64(len(file)), Auto)
		if err != nil || got.Artist+"/"+got.Title != c.want {
			t.Errorf("%s: %+v, %v", c.form.Name(), got, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "source.wav")); err != nil {
		t.Error("the source is gone")
	}
}

func FuzzTags(f *testing.F) {
	f.Add([]byte(tag(3, 0x80, frame("TIT2", "\x00x"), frame("TXXX", "\x01"+wide("a")+"\x00\x00"+wide("b")))))
	f.Add([]byte(tag(4, 0x40, "\x00\x00\x00\x06\x01\x00", frame4("COMM", 1, "\x00eng\x00x"))))
	f.Add([]byte(wave(chunk("LIST", "INFO"+chunk("INAM", "abc")), chunk("bext", strings.Repeat("z", 602)))))
	f.Add([]byte(apeTag("Title", "x") + v1("y", "z")))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, charset := range []Charset{Auto, UTF8, GB18030} {
			got, err := Read(bytes.NewReader(b), int64(len(b)), charset)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{got.Title, got.Artist, got.Album, got.Comment, got.Date} {
				if text != line(text) {
					t.Fatalf("%q", text)
				}
			}
			if len(got.Extra) > mostExtra || got.Duration < 0 {
				t.Fatalf("%+v", got)
			}
		}
	})
}
