package imports_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/probe"
	"earshot/storage/imports"
)

func gb(t *testing.T, text string) string {
	t.Helper()
	coded, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return coded
}

// line is what a source tells, in one line.
func line(told earshot.ImportTold) string {
	var parts []string
	if !told.Start.IsZero() {
		parts = append(parts, told.Start.In(time.UTC).UTC().Format("2006-01-02T15:04:05"))
	}
	for _, field := range slices.Sorted(maps.Keys(told.Texts)) {
		parts = append(parts, fmt.Sprintf("%s=%s", field, told.Texts[field]))
	}
	return strings.Join(parts, " ")
}

func TestTableIsReadInWhateverForm(t *testing.T) {
	chinese := "文件名,开始时间,工号,姓名,主叫号码,呼叫方向,户号,工单号,业务类型,座席\n" +
		"a.mp3,2016-03-04 10:15:00,1001,王芳,13900000001,呼入,88,GD1,报修,一号窗口\n"
	want := "2016-03-04T10:15:00 account=88 agent=1001 business=报修 caller=13900000001 direction=呼入 name=王芳 seat=一号窗口 ticket=GD1"
	for name, row := range map[string]struct{ text, charset, want string }{
		"UTF-8":                {chinese, "auto", want},
		"UTF-8 with a mark":    {"\ufeff" + chinese, "auto", want},
		"GB18030":              {gb(t, chinese), "auto", want},
		"GB18030 by order":     {gb(t, chinese), "gb18030", want},
		"tabs":                 {strings.ReplaceAll(chinese, ",", "\t"), "auto", want},
		"semicolons, CRLF":     {strings.ReplaceAll(strings.ReplaceAll(chinese, ",", ";"), "\n", "\r\n"), "auto", want},
		"UTF-16 with tabs":     {utf16Text(binary.LittleEndian, "\ufeff"+strings.ReplaceAll(chinese, ",", "\t")), "auto", want},
		"UTF-16, big end":      {utf16Text(binary.BigEndian, "\ufeff"+chinese), "gb18030", want},
		"UTF-16, no mark":      {utf16Text(binary.LittleEndian, chinese), "auto", want},
		"UTF-16, big, no mark": {utf16Text(binary.BigEndian, chinese), "utf-8", want},
		"says its comma":       {"sep=;\r\n" + strings.ReplaceAll(chinese, ",", ";"), "auto", want},
		"comma in quotes":      {"\"sep=\t\"\r\n" + strings.ReplaceAll(chinese, ",", "\t"), "auto", want},
		"the same row twice":   {"file,工号\na.mp3,1001\nA.MP3,1001\n", "auto", "agent=1001"},
		"no seconds":           {"file,start\na.mp3,201603041015\n", "auto", "2016-03-04T10:15:00"},
		"bars":                 {strings.ReplaceAll(chinese, ",", "|"), "auto", want},
		"English":              {"File Name,Start Time,Agent ID,Phone Number\na.mp3,2016/3/4 10:15:00,1001,139\n", "auto", "2016-03-04T10:15:00 agent=1001 number=139"},
		"quoted":               {"file,业务类型,备注\n\"a.mp3\",\"报修, 急\",\"he said \"\"no\"\"\"\n", "auto", "business=报修, 急"},
		"a quote in the midst": {"file,业务类型\na.mp3,12\" 管\n", "auto", `business=12" 管`},
		"day and time apart":   {"文件,日期,时间\na.mp3,20160304,10:15:00\n", "auto", "2016-03-04T10:15:00"},
		"as spreadsheets do":   {"file,工号\na.mp3,\"=\"\"0012\"\"\"\n", "auto", "agent=0012"},
		"a Windows path":       {"录音路径,工号\nD:\\REC\\2016\\A.MP3,1001\n", "auto", "agent=1001"},
		"no extension":         {"file,工号\na,1001\n", "auto", "agent=1001"},
		"a short row":          {"file,工号,姓名\na.mp3,1001\n", "auto", "agent=1001"},
		"a long row":           {"file,工号\na.mp3,1001,more,and more\n", "auto", "agent=1001"},
		"a time that is none":  {"file,start,工号\na.mp3,soon,1001\n", "auto", "agent=1001"},
		"names with units":     {"文件名（含扩展名）,工号 (ID)\na.mp3,1001\n", "auto", "agent=1001"},
		"empty lines":          {"file,工号\n\n\na.mp3,1001\n\n", "auto", "agent=1001"},
	} {
		table, err := imports.ReadTable(strings.NewReader(row.text), row.charset)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		table.Expect("2016/a.mp3")
		if told, ok := table.Of("2016/a.mp3"); !ok || line(told) != row.want {
			t.Errorf("%s: %v %s, want %s", name, ok, line(told), row.want)
		}
	}
}

// utf16Text is text in UTF-16.
func utf16Text(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestTableThatIsNone(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want error
	}{
		"nothing":          {"", imports.ErrTableEmpty},
		"headings alone":   {"file,工号\n", imports.ErrTableEmpty},
		"no file":          {"工号,姓名\n1001,王芳\n", imports.ErrTableNoFile},
		"a picture":        {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", imports.ErrTableNoFile},
		"too many columns": {strings.Repeat("x,", 300) + "\n1\n", imports.ErrTableBroken},
	} {
		if _, err := imports.ReadTable(strings.NewReader(row.text), "auto"); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

func TestTableTellsWhichFilesItIsAbout(t *testing.T) {
	table, err := imports.ReadTable(strings.NewReader("file,工号\n"+
		"A/1.mp3,a1\nB/1.mp3,b1\n2.mp3,two\nC/3.mp3,c3\n3.mp3,three\n4.mp3,x\n4.mp3,y\ngone.mp3,gone\n,nobody\n"), "auto")
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"top/A/1.mp3", "top/B/1.mp3", "top/D/1.mp3", "P/2.mp3", "Q/2.mp3", "C/3.mp3", "E/3.mp3", "4.mp3", "none.mp3"}
	known := 0
	for _, f := range files {
		if table.Expect(f) {
			known++
		}
	}
	got := map[string]string{}
	for _, f := range files {
		if told, ok := table.Of(f); ok {
			got[f] = told.Texts[earshot.FieldAgent]
		}
	}
	// D/1 is neither A's nor B's; 2 would be about two files; 4 has two rows.
	want := map[string]string{"top/A/1.mp3": "a1", "top/B/1.mp3": "b1", "C/3.mp3": "c3", "E/3.mp3": "three"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	names, absent := table.Absent(10)
	if table.Rows != 9 || known != 7 || absent != 1 || len(names) != 1 || names[0] != "gone.mp3" {
		t.Errorf("%d rows, %d known, %d absent: %v", table.Rows, known, absent, names)
	}
}

// A file that comes without its folders is about none of the rows whose names end
// like it, unless there is only one.
func TestTableOfFilesWithoutFolders(t *testing.T) {
	table, err := imports.ReadTable(strings.NewReader("录音路径,工号\n"+
		`D:\rec\20160304\0001.wav,a`+"\n"+`D:\rec\20160305\0001.wav,b`+"\n"+`D:\rec\20160305\0002.wav,c`+"\n0003.wav,d\n"+`D:\rec\0003.wav,e`+"\n"), "auto")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"0001.wav": "", "20160305/0001.wav": "b", "0002.wav": "c", "0003.wav": "d"} {
		table.Expect(path)
		if told, ok := table.Of(path); ok != (want != "") || told.Texts[earshot.FieldAgent] != want {
			t.Errorf("%s: %v %v, want %q", path, ok, told.Texts, want)
		}
	}
}

func TestNamesAreDecodedEachByItself(t *testing.T) {
	for name, want := range map[string]string{
		"旧录音/" + gb(t, "刘洋") + "/" + gb(t, "录音.mp3"): "旧录音/刘洋/录音.mp3",
		gb(t, "营业厅") + "/a/旧.mp3":                    "营业厅/a/旧.mp3",
		"旧录音/odd\xff.mp3":                            `旧录音/odd\xff.mp3`,
	} {
		if shown, recoded := imports.DecodeName(name); shown != want || !recoded {
			t.Errorf("%q: %q %v, want %q", name, shown, recoded, want)
		}
	}
}

// FuzzImportTable reads tables that are none.
func FuzzImportTable(f *testing.F) {
	f.Add([]byte("文件名,开始时间,工号\na.mp3,2016-03-04 10:15:00,1001\n"), "a.mp3")
	f.Add([]byte("file;start\r\n\"a\";\"\"\r\n"), "x/a.wav")
	f.Add([]byte("\xef\xbb\xbffile\t\xc4\xe3"), `\`)
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		table, err := imports.ReadTable(strings.NewReader(string(text)), "auto")
		if err != nil {
			return
		}
		known := table.Expect(path)
		if _, ok := table.Of(path); ok && !known {
			t.Errorf("%q is told of and not known", path)
		}
		if _, absent := table.Absent(5); absent > table.Rows {
			t.Errorf("%d of %d are absent", absent, table.Rows)
		}
	})
}

func TestFoldersTellOfEverything(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b/2.mp3")
	write("b/1.WAV")
	write(gb(t, "营业厅/录音.mp3"))
	write("营业厅/录音.mp3")
	write("odd\xff.mp3")
	write(".hidden/x.mp3")
	write("Thumbs.db")
	long := strings.Repeat(strings.Repeat("长", 80)+"/", 10)
	write(long + "x.mp3")
	for name, make := range map[string]func(string) error{
		"link.mp3": func(at string) error { return os.Symlink("b/2.mp3", at) },
		"up":       func(at string) error { return os.Symlink("..", at) },
		"pipe.mp3": func(at string) error { return syscall.Mkfifo(at, 0o600) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := imports.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 { // walked twice it is the same
		got := map[string]string{}
		err := folder.Walk(t.Context(), func(f imports.File) error {
			what := f.Code
			if f.Recoded {
				what += " recoded"
			}
			got[f.Path] = what
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		longShown := strings.ToValidUTF8((long + "x.mp3")[:2048], "")
		want := map[string]string{
			"b/1.WAV": "", "b/2.mp3": "", "营业厅/录音.mp3": "", "营业厅/录音~2.mp3": " recoded", `odd\xff.mp3`: " recoded",
			".hidden": "hidden_file", "Thumbs.db": "hidden_file", longShown: "path_too_long",
			"link.mp3": "link", "up": "link", "pipe.mp3": "not_a_file",
		}
		// Which of the two that mean the same comes first is up to their bytes.
		if _, other := got["营业厅/录音.mp3"]; other && got["营业厅/录音.mp3"] != "" {
			want["营业厅/录音.mp3"], want["营业厅/录音~2.mp3"] = " recoded", ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for _, name := range []string{`odd\xff.mp3`, "营业厅/录音~2.mp3", "b/2.mp3"} {
		file, info, err := folder.Open(name)
		if err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := folder.Open("../" + filepath.Base(dir) + "/b/2.mp3"); err == nil {
		t.Error("a path that nobody told of was opened")
	}
}

func TestFoldersKeepTheirNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x/20160304/a.mp3", "y/20160304/b.mp3", "one.mp3"} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := imports.OpenFolders(filepath.Join(dir, "x/20160304"), filepath.Join(dir, "y/20160304/"), filepath.Join(dir, "one.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folders.Close() }()
	var got []string
	if err := folders.Walk(t.Context(), func(f imports.File) error { got = append(got, f.Path); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"20160304/a.mp3", "20160304~2/b.mp3", filepath.Base(dir) + "/one.mp3"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if shown, ok := folders.PathOf(filepath.Join(dir, "y/20160304/b.mp3")); !ok || shown != "20160304~2/b.mp3" {
		t.Errorf("%s %v", shown, ok)
	}
	if _, err := imports.OpenFolders(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

func TestTagsTell(t *testing.T) {
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for name, row := range map[string]struct{ args, want string }{
		"a comment of pairs":      {"-metadata|comment=开始时间=2016-03-04 10:15:00; 工号=1001; number: 13900000001", "2016-03-04T10:15:00 agent=1001 number=13900000001"},
		"an agent for the artist": {"-metadata|artist=王芳(1001)|-metadata|date=2016-03-04T10:15:00", "2016-03-04T10:15:00 agent=1001 name=王芳"},
		"a program's name":        {"-metadata|artist=Recorder Pro 3000|-metadata|title=Track 1", ""},
		"a number for the title":  {"-metadata|title=13900000001", "number=13900000001"},
	} {
		form := audiotest.Form{Program: "ffmpeg", Ending: ".mp3"}
		audiotest.Need(t, "ffmpeg")
		target := filepath.Join(dir, "t.mp3")
		audiotest.Run(t, form.Program, append(append([]string{"-v", "error", "-nostdin", "-y", "-i", source}, strings.Split(row.args, "|")...), target)...)
		content := audiotest.Read(t, target)
		if got := line(imports.Tags(strings.NewReader(string(content)), int64(len(content)), "auto")); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestEveryCodeIsSaid(t *testing.T) {
	for _, code := range slices.Concat(imports.Codes(), probe.Remarks(), probe.Refusals()) {
		if imports.Say(code, true) == code || imports.Say(code, false) == code {
			t.Errorf("%s is not said", code)
		}
	}
}
