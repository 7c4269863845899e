package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/mp3"
)

func ask(file []byte) (Audio, error) { return File(bytes.NewReader(file), int64(len(file))) }

func noise(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// highNoise are bytes of no plain text, with nothing in them that no text has.
func highNoise(n int) []byte {
	b := noise(n)
	for i := range b {
		b[i] |= 0x80
	}
	return b
}

func gb18030(t *testing.T, text string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func id3(n int, body string) []byte {
	tag := []byte{'I', 'D', '3', 3, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
	return append(tag, bytes.Repeat([]byte(body), n/len(body)+1)[:n]...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestDamagedMP3 damages a file of a telephone recorder in one way each, and says
// what must be left of it.
func TestDamagedMP3(t *testing.T) {
	audiotest.Need(t, "lame")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "--resample 8 -b 16 -m m -t", Ending: ".mp3"}.Make(t, source, dir))
	other := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "--resample 16 -b 24 -m m", Ending: ".mp3"}.Make(t, source, dir))
	good, err := ask(file)
	if err != nil {
		t.Fatal(err)
	}
	otherGood, err := ask(other)
	if err != nil {
		t.Fatal(err)
	}
	half, whole := len(file)/2, good.Duration
	const frame = 72 * time.Millisecond
	for _, c := range []struct {
		name    string
		file    []byte
		want    time.Duration
		within  time.Duration
		remarks []string
	}{
		{"a picture of 5 MB, full of frames, before", join(id3(5<<20, "\xff\xe3\x18\xc4"), file), whole, 0, nil},
		{"two tags before", join(id3(100, "x"), id3(2000, "\x00"), file), whole, 0, nil},
		{"a tag that says it is longer than the file", join([]byte("ID3\x03\x00\x00\x7f\x7f\x7f\x7f"), file), whole, 0, []string{GarbageHead}},
		{"ID3v1 behind", join(file, []byte("TAG"), make([]byte, 125)), whole, 0, nil},
		{"Lyrics3 and ID3v1 behind", join(file, []byte("LYRICSBEGININD0000200LYR00004\xff\xe3\x18\xc4000033LYRICS200TAG"), make([]byte, 125)), whole, 0, nil},
		{"zeros before and behind", join(make([]byte, 9999), file, make([]byte, 99999)), whole, 0, nil},
		{"noise before", join(noise(70000), file), whole, frame, []string{GarbageHead}},
		{"a server's answer before", join([]byte("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"), file), whole, 0, []string{GarbageHead}},
		{"false starts before", join(bytes.Repeat([]byte("\xff\xe3\x18\xc4abc"), 500), file), whole, frame, []string{GarbageHead}},
		{"noise inside", join(file[:half], noise(5000), file[half:]), whole, 2 * frame, []string{GarbageInside}},
		{"zeros inside", join(file[:half], make([]byte, 512), file[half+512:]), whole - 5*frame, 3 * frame, []string{GarbageInside}},
		{"noise behind", join(file, noise(3000)), whole, frame, []string{GarbageTail}},
		{"torn", file[:len(file)-50], whole - frame, 0, []string{Torn}},
		{"only its first second", file[:2000], time.Second, frame, []string{Torn}},
		{"twice the same", join(file, file), 2 * whole, 0, nil},
		{"joined with a tag between", join(file, id3(100, "\x00"), file), 2 * whole, 0, []string{Joined}},
		{"joined with another rate", join(file, other), whole + otherGood.Duration, 2 * frame, []string{RateChanges, Joined}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := ask(c.file)
			if err != nil {
				t.Fatal(err)
			}
			if d := (a.Duration - c.want).Abs(); d > c.within+time.Millisecond {
				t.Errorf("it lasts %v instead of %v", a.Duration, c.want)
			}
			for _, remark := range c.remarks {
				if !slices.Contains(a.Remarks, remark) {
					t.Errorf("%s is not among %v", remark, a.Remarks)
				}
			}
			if len(c.remarks) == 0 && len(a.Remarks) > 0 {
				t.Errorf("remarked without a reason: %v", a.Remarks)
			}
		})
	}
}

// TestDamagedWAV does so with WAVE files.
func TestDamagedWAV(t *testing.T) {
	const second = 8000
	audio := bytes.Repeat([]byte{0x55, 0xd5}, 2*second) // 4 s of A-law
	format := "fmt \x10\x00\x00\x00\x06\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00"
	size := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	file := func(before, data, behind string) []byte {
		body := "WAVE" + before + data + string(audio) + behind
		return []byte("RIFF" + size(len(body)) + body)
	}
	data := "data" + size(len(audio))
	cut := file(format, data, "")
	for _, c := range []struct {
		name    string
		file    []byte
		want    time.Duration
		remarks []string
	}{
		{"whole", file(format, data, ""), 4 * time.Second, nil},
		{"a list before and behind", file(format+"LIST\x04\x00\x00\x00INFO", data, "LIST\x04\x00\x00\x00INFO"), 4 * time.Second, nil},
		{"an odd chunk", file("junk\x03\x00\x00\x00abc\x00"+format, data, ""), 4 * time.Second, nil},
		{"an odd chunk without its padding", file("junk\x03\x00\x00\x00abc"+format, data, ""), 4 * time.Second, nil},
		{"a format of 40 bytes", file("fmt \x28\x00\x00\x00\xfe\xff\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00\x16\x00\x08\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", data, ""), 4 * time.Second, nil},
		{"a data size of 0", file(format, "data"+size(0), ""), 4 * time.Second, []string{HeaderLies}},
		{"a data size of all ones", file(format, "data\xff\xff\xff\xff", ""), 4 * time.Second, []string{HeaderLies}},
		{"a data size beyond the file", file(format, "data"+size(2*len(audio)), ""), 4 * time.Second, []string{HeaderLies}},
		{"sox writing to a pipe", append([]byte("RIFF\x24\xf0\xff\x7f"), file(format, "data\x00\xf0\xff\x7f", "")[8:]...), 4 * time.Second, []string{HeaderLies}},
		{"a data size that was never brought up to date", file(format, "data"+size(second), ""), time.Second, []string{BeyondHeader}},
		{"another file joined to it", append(file(format, data, ""), file(format, data, "")...), 4 * time.Second, []string{BeyondHeader}},
		{"torn", cut[:len(cut)-second], 3 * time.Second, []string{Torn}},
		{"torn in a long file's clothes", append([]byte("RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+format+"data\xff\xff\xff\xff"), audio...), 4 * time.Second, []string{Torn}},
		{"BW64", append([]byte("BW64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7d\x00\x00\x00\x00\x00\x00\x00\x7d\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+format+"data\xff\xff\xff\xff"), audio...), 4 * time.Second, nil},
	} {
		a, err := ask(c.file)
		if err != nil || a.Duration != c.want || !slices.Equal(a.Remarks, append([]string{}, c.remarks...)) {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
}

// TestJoinedOpus joins Ogg files, of which players play the first.
func TestJoinedOpus(t *testing.T) {
	audiotest.Need(t, "ffmpeg")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	form := audiotest.Form{Program: "ffmpeg", Args: "-c:a libopus -b:a 24k", Ending: ".opus"}
	file := audiotest.Read(t, form.Make(t, source, dir))
	form.Args += " -serial_offset 7"
	other := audiotest.Read(t, form.Make(t, source, dir))
	for name, c := range map[string]struct {
		file    []byte
		remarks []string
	}{
		"one": {file, nil}, "the same twice": {join(file, file), []string{BeyondHeader}}, "two": {join(file, other), []string{BeyondHeader}},
		"zeros behind": {join(file, make([]byte, 9999)), []string{GarbageInside}},
	} {
		a, err := ask(c.file)
		if err != nil || (a.Duration-4*time.Second).Abs() > near || !slices.Equal(a.Remarks, append([]string{}, c.remarks...)) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// TestCutBehindItsHead cuts a file whose head says how many frames there are, so
// that no frame is torn.
func TestCutBehindItsHead(t *testing.T) {
	audiotest.Need(t, "lame")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-V 5 -m m", Ending: ".mp3"}.Make(t, audiotest.Source(t, dir), dir))
	frames := mp3.NewFrames(bytes.NewReader(file), int64(len(file)))
	var cut int64
	for range 60 {
		f, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		cut = f.Offset
	}
	for name, c := range map[string]struct {
		file []byte
		lies bool
	}{
		"whole": {file, false}, "cut": {file[:cut], true}, "zeros in its place": {join(file[:cut], make([]byte, len(file)-int(cut))), true},
	} {
		if a, err := ask(c.file); err != nil || slices.Contains(a.Remarks, HeaderLies) != c.lies {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// TestOverFourGigabytes asks for files that no header of 32 bits can describe, and
// that are nowhere but in the file system's imagination.
func TestOverFourGigabytes(t *testing.T) {
	format := "fmt \x10\x00\x00\x00\x01\x00\x02\x00\x80\xbb\x00\x00\x00\xee\x02\x00\x04\x00\x10\x00"
	const bytes = 5 << 30
	long := string(binary.LittleEndian.AppendUint64(nil, bytes))
	for _, c := range []struct {
		name, head string
		lies       bool
	}{
		{"RF64", "RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00" + long + long + long + "\x00\x00\x00\x00" + format + "data\xff\xff\xff\xff", false},
		{"a size that went round", "RIFF\x24\x00\x00\x40WAVE" + format + "data\x00\x00\x00\x40", true},
		{"a size of all ones", "RIFF\xff\xff\xff\xffWAVE" + format + "data\xff\xff\xff\xff", true},
	} {
		file, err := os.Create(filepath.Join(t.TempDir(), "long.wav"))
		if err == nil {
			_, err = file.WriteString(c.head)
		}
		size := int64(len(c.head)) + bytes
		if err = errors.Join(err, file.Truncate(size)); err != nil {
			t.Fatal(err)
		}
		a, err := File(file, size)
		if want := time.Duration(bytes/4) * time.Second / 48000; err != nil || a.Duration != want || slices.Contains(a.Remarks, HeaderLies) != c.lies {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusals says why each kind of file is not taken.
func TestRefusals(t *testing.T) {
	fmtOf := func(encoding, bits byte) string {
		return "RIFF\x30\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + string([]byte{encoding, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, bits, 0}) + "data\x10\x00\x00\x00" + strings.Repeat("z", 16)
	}
	free := bytes.Repeat(append([]byte{0xff, 0xfb, 0x00, 0xc0}, make([]byte, 600)...), 40)
	aac := bytes.Repeat(append([]byte{0xff, 0xf1, 0x50, 0x80, 0x10, 0x1f, 0xfc}, make([]byte, 121)...), 20)
	layer2 := bytes.Repeat(append([]byte{0xff, 0xfd, 0x74, 0xc0}, make([]byte, 332)...), 20) // 112 kbit/s at 48 kHz
	for name, c := range map[string]struct {
		file []byte
		code string
	}{
		"nothing":                 {nil, "empty_file"},
		"zeros":                   {make([]byte, 100000), "all_zero"},
		"AMR":                     {[]byte("#!AMR\n\x3c\x91"), "is_amr"},
		"WMA":                     {[]byte("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"), "is_wma"},
		"M4A":                     {[]byte("\x00\x00\x00\x20ftypM4A \x00\x00"), "is_m4a"},
		"FLAC behind a tag":       {append(id3(100, "x"), "fLaC\x00\x00\x00\x22"...), "is_flac"},
		"Vorbis":                  {[]byte("OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01\x1e\x01vorbis"), "is_vorbis"},
		"Ogg and nothing":         {[]byte("OggS\x00\x02" + strings.Repeat("\x00", 50)), "damaged_ogg"},
		"AVI":                     {[]byte("RIFF\x00\x00\x00\x00AVI LIST"), "is_avi"},
		"AVI with MP3 in it":      {append([]byte("RIFF\x00\x00\x00\x00AVI LIST"), bytes.Repeat(append([]byte{0xff, 0xe3, 0x28, 0xc4}, make([]byte, 140)...), 99)...), "is_avi"},
		"a web page":              {[]byte("\n<!DOCTYPE html><title>404</title>"), "is_html"},
		"a text":                  {[]byte(strings.Repeat("通话记录,8001,张三\n", 500)), "is_text"},
		"a ZIP archive":           {[]byte("PK\x03\x04\x14\x00\x00\x00"), "is_zip"},
		"noise":                   {noise(200000), "looks_crypted"},
		"little noise":            {noise(300), "not_audio"},
		"free format":             {free, "free_format"},
		"AAC":                     {aac, "is_aac"},
		"Layer II":                {layer2, "is_mp2"},
		"only a tag":              {id3(1000, "\x00"), "not_audio"},
		"G.729":                   {[]byte(fmtOf(0x83, 1)), "wav_g729"},
		"TrueSpeech":              {[]byte(fmtOf(0x22, 1)), "wav_truespeech"},
		"a coding of no name":     {[]byte(fmtOf(0x99, 8)), "wav_other"},
		"too short":               {[]byte(fmtOf(6, 8)), "too_short"},
		"ADPCM without blocks":    {[]byte(fmtOf(0x11, 4)), "damaged_wav"},
		"no chunks":               {[]byte("RIFF\x04\x00\x00\x00WAVE"), "damaged_wav"},
		"data first":              {[]byte("RIFF\x30\x00\x00\x00WAVEdata\x02\x00\x00\x00abfmt \x10\x00\x00\x00"), "wav_data_first"},
		"text in UTF-16":          {[]byte("\xff\xfe" + strings.Repeat("\x1a\x90\xdd\x8b,\x008\x00\r\x00\n\x00", 99)), "is_text"},
		"text cut in a character": {[]byte(strings.Repeat("通话记录", 500)), "is_text"},
		"text in GB18030":         {gb18030(t, strings.Repeat("通话记录：八〇〇一，张三；", 200)), "is_text"},
		"a line in GB18030":       {gb18030(t, "本文件不是录音，只是一条说明。\r\n"), "is_text"},
		"rare text in GB18030":    {gb18030(t, strings.Repeat("客户王喆、李镕基来电，咨询㎡单价。", 200)), "is_text"},
		"A-law without a header":  {bytes.Repeat([]byte{0xd5, 0x55, 0xd4, 0x54, 0xd7}, 2000), "not_audio"},
		"high bytes":              {highNoise(4000), "not_audio"},
		"a mark, and noise":       {append([]byte("\xff\xfe\x01\x02"), noise(1000)...), "not_audio"},
		"WAV behind zeros":        {append(make([]byte, 512), fmtOf(6, 8)...), "wav_behind_tag"},
		"WAV behind a tag":        {append(id3(100, "x"), fmtOf(6, 8)...), "wav_behind_tag"},
	} {
		_, err := ask(c.file)
		if e := earshot.AsError(err); err == nil || e.Code != c.code || e.Kind != earshot.Unsupported {
			t.Errorf("%s: %v (%v) instead of %s", name, earshot.AsError(err).Code, err, c.code)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"a.mp3": true, "a.WAV": false, "a": false, "2019.03": false, "a.amr": true, "dir.mp3/a.wave": false} {
		if got := (Audio{Container: "wav"}).Misnamed(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// endless is a file of noise that says where it was read.
type endless struct {
	block []byte
	read  *int64
}

func (e endless) ReadAt(p []byte, at int64) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], e.block[(at+int64(n))%int64(len(e.block)):])
	}
	*e.read += int64(len(p))
	return len(p), nil
}

// TestMuchGarbage is given 10 GB in which there is nothing.
func TestMuchGarbage(t *testing.T) {
	var read int64
	_, err := File(endless{noise(1<<20 + 7), &read}, 10<<30)
	if code := earshot.AsError(err).Code; code != "looks_crypted" || read > 64<<20 {
		t.Errorf("%s after %d bytes", code, read)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Context(ctx, endless{noise(1000), &read}, 10<<30); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("RIFF\x30\x00\x00\x00WAVEfmt \x14\x00\x00\x00\x11\x00\x01\x00\x40\x1f\x00\x00\xd7\x0f\x00\x00\x00\x01\x04\x00\x02\x00\xf9\x01fact\x04\x00\x00\x00\x00\x04\x00\x00data\x00\x01\x00\x00"))
	f.Add(bytes.Repeat(append([]byte{0xff, 0xe3, 0x18, 0xc4}, make([]byte, 68)...), 5))
	f.Add([]byte("OggS\x00\x02"))
	f.Add(id3(10, "z"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ask(b)
		if err != nil {
			if e := earshot.AsError(err); e.Kind != earshot.Unsupported || refusals[e.Code].english == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		if a.Duration < shortest || a.Channels < 1 || a.Rate < 1 || a.Codec == "" || a.Skipped > int64(len(b)) {
			t.Fatalf("%+v", a)
		}
		for _, code := range a.Remarks {
			if remarks[code].english == "" {
				t.Fatalf("%s has no words", code)
			}
		}
	})
}
