package earshot_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"earshot"
)

// tells is what a pattern makes of a path, in one line.
func tells(t *testing.T, pattern, path string) string {
	t.Helper()
	p, err := earshot.ParseImportPattern(pattern)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	told, fits := p.Match(path)
	if !fits {
		return "no"
	}
	var parts []string
	if m := told.Start; !m.IsZero() {
		parts = append(parts, m.In(time.UTC).UTC().Format("2006-01-02T15:04:05.000"))
		if !m.Complete() {
			parts[0] += "?"
		}
	}
	for _, field := range slices.Sorted(maps.Keys(told.Texts)) {
		if field != earshot.FieldAny {
			parts = append(parts, fmt.Sprintf("%s=%s", field, told.Texts[field]))
		}
	}
	return strings.Join(parts, " ")
}

func TestImportPatternTells(t *testing.T) {
	for _, row := range []struct{ pattern, path, want string }{
		{"{date:yyyyMMdd}/{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}_{direction}.mp3", "20160304/w1_1001_13900000001_20160304101500_呼入.mp3",
			"2016-03-04T10:15:00.000 agent=1001 direction=呼入 number=13900000001 seat=w1"},
		{"{seat}_{agent}", "a/b/W1_1001.WAV", "agent=1001 seat=W1"},
		{"{seat}_{agent}.mp3", "W1_1001.MP3", "agent=1001 seat=W1"},
		{"{seat}_{agent}.mp3", "W1_1001.wav", "no"},
		{"{seat}_{agent}.{*}", "W1_1001.wav", "agent=1001 seat=W1"},
		{"{seat}_{agent}", "W1_1001_tail.mp3", "agent=1001_tail seat=W1"},
		{"{seat}_{*}_{agent}", "w1_x_y_1001.mp3", "agent=y_1001 seat=w1"},
		{"*_{agent}", "x_1001.mp3", "agent=1001"},
		{"/{seat}/{agent}", "w1/1001.mp3", "agent=1001 seat=w1"},
		{"/{seat}/{agent}", "top/w1/1001.mp3", "no"},
		{"{seat}/{agent}", `top\w1\1001.mp3`, "agent=1001 seat=w1"},
		{"{座席}-{工号}-{姓名}-{号码}-{户号}-{工单}-{业务}", "w1-1001-王芳-139-88-GD1-报修.mp3", "account=88 agent=1001 business=报修 name=王芳 number=139 seat=w1 ticket=GD1"},
		{"{主叫}转{被叫}", "02161234567转8001.wav", "callee=8001 caller=02161234567"},
		{"{date:yyyy}/{date:MM}/{date:dd}/{time:HHmmss}", "2016/03/04/101500.mp3", "2016-03-04T10:15:00.000"},
		{"{date:yyyy年M月d日}/{time:H时m分s秒}", "2016年3月4日/9时5分7秒.mp3", "2016-03-04T09:05:07.000"},
		{"{date}/{agent}", "2016-03-04/1001.mp3", "2016-03-04T00:00:00.000? agent=1001"},
		{"{start}_{agent}", "2016-03-04 10:15:00_1001.mp3", "2016-03-04T10:15:00.000 agent=1001"},
		{"{start:unix}_{agent}", "1457057700_1001.mp3", "2016-03-04T02:15:00.000 agent=1001"},
		{"{start:unixms}", "1457057700123.mp3", "2016-03-04T02:15:00.123"},
		{"{start:yyMMddHHmm}", "1603041015.mp3", "2016-03-04T10:15:00.000"},
		{"{start:YYYYMMDDHHmmss}", "20160304101500.mp3", "2016-03-04T10:15:00.000"},
		{"{start:yyyyMMddHHmmssSSS}", "20160304101500123.mp3", "2016-03-04T10:15:00.123"},
		{"{start:yyyy-MM-dd hh.mm.ss a}", "2016-03-04 01.15.00 PM.mp3", "2016-03-04T13:15:00.000"},
		{"{start:yyyyMMdd'T'HHmmss}", "20160304T101500.mp3", "2016-03-04T10:15:00.000"},
		{"{start:yyyyMMddTHHmmssZ}", "20160304T101500+0800.mp3", "2016-03-04T02:15:00.000"},
		{"{number}{start:yyyyMMddHHmmss}", "1390000000120160304101500.mp3", "2016-03-04T10:15:00.000 number=13900000001"},
		{"{seat:3}{agent:4}", "A011001.mp3", "agent=1001 seat=A01"},
		{"{seat:2-3}_{agent:digits}", "A01_1001.mp3", "agent=1001 seat=A01"},
		{"{seat:2-3}_{agent:digits}", "A01_1x01.mp3", "no"},
		{"{start:yyyyMMdd_HHmmss}_{agent:digits}{name}_{number}_{direction}", "20160301_080840_1006杨帆_18616780083_呼出.wav",
			"2016-03-01T08:08:40.000 agent=1006 direction=呼出 name=杨帆 number=18616780083"},
		{"{agent:digits}{name}_{number}", "106李3_1.wav", "agent=106 name=李3 number=1"},
		{"{agent:digits}{name}_{number}", "106_1.wav", "no"},
		{"{name}{agent:digits}_{number}", "李4王1006_1.wav", "agent=1006 name=李4王 number=1"},
		{"{agent:digits}*_{number}", "1006杨帆_1.wav", "agent=1006 number=1"},
		{"{agent:digits}{*}_{number}", "1006_1.wav", "agent=1006 number=1"},
		{"{agent}[_{direction}]", "1001_out.mp3", "agent=1001 direction=out"},
		{"{agent:4}[_{direction}]", "1001.mp3", "agent=1001"},
		{"{agent:4}[_{number}[_{direction}]]", "1001_139.mp3", "agent=1001 number=139"},
		{"{agent}_{direction:1=outbound,0=inbound}", "1001_1.mp3", "agent=1001 direction=outbound"},
		{"{agent}_{business:01=报修,02=缴费}", "1001_02.mp3", "agent=1001 business=缴费"},
		{"{{{agent}}}", "{1001}.mp3", "agent=1001"},
		{"[[{agent}]]", "[1001].mp3", "agent=1001"},
		{"（{agent}）{name}", "（1001）王芳.mp3", "agent=1001 name=王芳"},
		{"{date:yyyyMMdd}/{agent}", "20161345/1001.mp3", "no"},
		{"{date:yyyyMMdd}/{agent}", "20160230/1001.mp3", "no"},
		{"{start:yyyyMMddHHmmss}", "20160304251500.mp3", "no"},
		{"REC-{agent}", "rec-1001.mp3", "agent=1001"},
		{"{agent}.v2", "1001.v2", "agent=1001"},
		{"{seat} {agent}", "w1 1001", "agent=1001 seat=w1"},
	} {
		if got := tells(t, row.pattern, row.path); got != row.want {
			t.Errorf("%s of %s: %s, want %s", row.pattern, row.path, got, row.want)
		}
	}
}

func TestImportPatternErrorsSayWhere(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                               "1 to 500 characters",
		"plain.mp3":                      "at character 1: the pattern tells nothing",
		"{*}_{any}":                      "",
		"{saet}_x":                       `at character 2: there is no field "saet"`,
		"中文{seat":                        "at character 3: this brace is not closed",
		"a}b{seat}":                      "at character 2: this brace was not opened",
		"{seat}[_{agent}":                "at character 7: this bracket is not closed",
		"{seat}]":                        "at character 7: this bracket was not opened",
		"{seat}{agent}":                  "at character 7: nothing stands between this field and the one at character 1",
		"{agent:digits}[_]{name}":        "at character 18: nothing stands between this field and the one at character 1",
		"{agent:digits}{account:数字}":     "at character 15: nothing stands between this field and the one at character 1",
		"{direction:1=in}{agent:digits}": "at character 17: nothing stands between this field and the one at character 1",
		"{seat}[_]{agent}":               "at character 10: nothing stands between this field and the one at character 1",
		"{seat}*":                        "at character 7: nothing stands between",
		"{seat}_{座席}":                    "at character 8: {seat} stands twice",
		"{start:yyyymmddHHmmss}":         "at character 18: the minute stands twice; MM is the month",
		"{date:yyyyMMdd}/{date:yyyy}":    "at character 17: the year stands twice",
		"{date:yyyyMM}":                  "a date needs a year, a month and a day",
		"{start:MMddHHmmss}":             "a date needs a year, a month and a day",
		"{start:yyyyQQdd}":               `at character 12: "QQ" is no part of a time`,
		"{start:yyyy'}":                  "at character 12: this quotation mark is not closed",
		"{start:--}":                     "has no part of a time",
		"{agent:x}":                      "at character 8: the form of {agent} is a length",
		"{agent:}":                       "the form of {agent} is missing",
		"{agent:0}":                      "a length is 1 to 255",
		"{agent:5-2}":                    "a length is 1 to 255",
		"{direction:1=up}":               `at character 12: "up" is no direction`,
		"{direction:1=}":                 "what words mean is written",
		"{file}":                         `there is no field "file"`,
		"[[[a{seat}]":                    "",
		"[1[2[3[4[5{seat}]]]]]":          "more than 4 deep",
		strings.Repeat("x", 501):         "1 to 500 characters",
		strings.Repeat("{seat:255}", 1):  "",
	} {
		_, err := earshot.ParseImportPattern(pattern)
		switch {
		case want == "" && err != nil && !strings.Contains(err.Error(), "nothing stands between"):
			if pattern != "{*}_{any}" || !strings.Contains(err.Error(), "tells nothing") {
				t.Errorf("%s: %v", pattern, err)
			}
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", pattern, err, want)
		case err != nil && earshot.AsError(err).Code != "bad_pattern":
			t.Errorf("%s: code %s", pattern, earshot.AsError(err).Code)
		case err != nil:
			chinese, english, both := strings.Cut(earshot.AsError(err).Text, "\n")
			if !both || strings.IndexFunc(chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }) < 0 || strings.Contains(english+chinese, "%!") {
				t.Errorf("%s: not said in both languages: %q", pattern, earshot.AsError(err).Text)
			}
		}
	}
}

// A name that is made of a pattern's own fields gives them back.
func TestImportPatternGivesBackWhatNamesWereMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9一-龥]{1,12}`)
		seat, agent, number := text.Draw(t, "seat"), text.Draw(t, "agent"), rapid.StringMatching(`\d{3,13}`).Draw(t, "number")
		at := time.UnixMilli(rapid.Int64Range(1, 4_000_000_000_000).Draw(t, "at")).UTC().Truncate(time.Second)
		between := rapid.SampledFrom([]string{"_", "-", " ", "#", "@", "、", "(", "__"}).Draw(t, "between")
		pattern := strings.Join([]string{"{seat}", "{agent}", "{number}", "{start:yyyyMMddHHmmss}"}, between)
		name := strings.Join([]string{seat, agent, number, at.Format("20060102150405")}, between)
		p, err := earshot.ParseImportPattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		told, fits := p.Match("some/folder/" + name + ".mp3")
		if !fits || told.Texts[earshot.FieldSeat] != seat || told.Texts[earshot.FieldAgent] != agent || told.Texts[earshot.FieldNumber] != number ||
			!told.Start.In(time.UTC).Equal(at) {
			t.Fatalf("%s of %s: %v %v", pattern, name, fits, told)
		}
	})
}

// FuzzImportPattern parses whatever, and matches whatever with what it parses.
func FuzzImportPattern(f *testing.F) {
	f.Add("{date:yyyyMMdd}/{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}_{direction}.mp3", "20160304/w1_1001_139_20160304101500_in.mp3")
	f.Add("[[{a}]{*}[x{seat:3-9}]", "[x]")
	f.Add("{start:unixms}{start:a'quoted'}", "1")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := earshot.ParseImportPattern(pattern)
		if err != nil {
			if earshot.AsError(err).Code != "bad_pattern" {
				t.Errorf("%v", err)
			}
			return
		}
		if told, fits := p.Match(path); fits && !told.Start.IsZero() && !told.Start.Valid() {
			t.Errorf("%q of %q: %+v", pattern, path, told)
		}
		if again, err := earshot.ParseImportPattern(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("%q is not itself again: %v", pattern, err)
		}
	})
}

func TestImportMoments(t *testing.T) {
	for text, want := range map[string]string{
		"20160304":                      "2016-03-04T00:00:00.000?",
		"2016-3-4":                      "2016-03-04T00:00:00.000?",
		"20160304101500":                "2016-03-04T10:15:00.000",
		"20160304101500123":             "2016-03-04T10:15:00.123",
		"201603041015":                  "2016-03-04T10:15:00.000",
		"2016-03-04 1015":               "2016-03-04T10:15:00.000",
		"201603042515":                  "no",
		"2016":                          "no",
		"2016/3/4 下午 3:05:06":           "2016-03-04T15:05:06.000",
		"2016/3/4 上午12:05":              "2016-03-04T00:05:00.000",
		"3/4/2016 3:05 PM":              "no", // which is the month nobody can tell
		"2016-03-04 3:05:06 p.m.":       "2016-03-04T15:05:06.000",
		"2016-03-04 13:05 AM":           "no",
		"2016-03-04 10:15:00":           "2016-03-04T10:15:00.000",
		"2016/3/4 9:05":                 "2016-03-04T09:05:00.000",
		"2016-03-04T10:15:00.5Z":        "2016-03-04T10:15:00.500",
		"2016-03-04T10:15:00+08:00":     "2016-03-04T02:15:00.000",
		"2016-03-04_10-15-00":           "2016-03-04T10:15:00.000",
		"2016年3月4日 9时5分7秒":              "2016-03-04T09:05:07.000",
		"2016年3月4日":                     "2016-03-04T00:00:00.000?",
		" 1457057700 ":                  "2016-03-04T02:15:00.000",
		"1457057700123":                 "2016-03-04T02:15:00.123",
		"2016-02-30":                    "no",
		"2016-03-04 25:00:00":           "no",
		"20161301":                      "no",
		"yesterday":                     "no",
		"":                              "no",
		"13900000001":                   "no",
		"2016-03-04 10:15:00 some more": "no",
	} {
		got := "no"
		if m, ok := earshot.ParseImportMoment(text); ok {
			got = m.In(time.UTC).UTC().Format("2006-01-02T15:04:05.000")
			if !m.Complete() {
				got += "?"
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func told(texts map[earshot.ImportField]string, start string) earshot.ImportTold {
	m, _ := earshot.ParseImportMoment(start)
	return earshot.ImportTold{Texts: texts, Start: m}
}

func TestImportFactsAreSettledByPrecedence(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	about := earshot.ImportAbout{
		Sources: []earshot.ImportSource{
			{From: earshot.FromTable, Told: told(map[earshot.ImportField]string{earshot.FieldAgent: "1002", earshot.FieldDirection: "??"}, "2016-03-04")},
			{From: earshot.FromPattern, Told: told(map[earshot.ImportField]string{
				earshot.FieldAgent: "1001", earshot.FieldSeat: "w1", earshot.FieldCaller: "8001", earshot.FieldCallee: "13900000001", earshot.FieldDirection: "0",
			}, "10:15:00")},
			{From: earshot.FromTags, Told: told(map[earshot.ImportField]string{earshot.FieldTicket: strings.Repeat("单", 40), earshot.FieldNumber: "1"}, "")},
		},
		Settings: earshot.ImportSettings{Seat: "old", Direction: earshot.Inbound}, Zone: shanghai,
		ModifiedAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	got, err := about.Settle()
	if err != nil {
		t.Fatal(err)
	}
	want := earshot.SettledImport{
		Facts: earshot.ImportFacts{
			StartedAt: earshot.At(time.Date(2016, 3, 4, 2, 15, 0, 0, time.UTC)), Seat: "w1", Agent: earshot.Agent{ID: "1002"},
			Number: "13900000001", Ticket: strings.Repeat("单", 21), Direction: earshot.Outbound,
		},
		From: map[string]earshot.ImportFrom{"startedAt": earshot.FromTable, "seat": earshot.FromPattern, "agent": earshot.FromTable,
			"number": earshot.FromPattern, "ticket": earshot.FromTags, "direction": earshot.FromPattern},
		Remarks: []string{earshot.RemarkTextCut, earshot.RemarkDirectionUnknown},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImportStarts(t *testing.T) {
	now, modified := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2016, 3, 4, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		told     string
		modified time.Time
		refuse   bool
		want     string // the start and the remarks, or the code
	}{
		"told":                              {"2016-03-04 10:15:00", modified, true, "2016-03-04T10:15:00.000Z []"},
		"nothing, by the file":              {"", modified, false, "2016-03-04T12:00:00.000Z [started_at_unknown]"},
		"nothing, refused":                  {"", modified, true, "start_unknown"},
		"nothing, and the file has no time": {"", time.Time{}, false, "start_unknown"},
		"nothing, and the file's is 1970":   {"", time.Unix(0, 0), false, "start_unknown"},
		"a day, the file's time fits":       {"2016-03-04", modified, false, "2016-03-04T12:00:00.000Z [time_unknown]"},
		"a day, the file's does not fit":    {"2016-03-05", modified, false, "2016-03-05T00:00:00.000Z [time_unknown]"},
		"a day, refused":                    {"2016-03-05", modified, true, "start_unknown"},
		"the future":                        {"2036-03-05 00:00:00", modified, false, "start_in_future"},
	} {
		s, err := earshot.ImportAbout{
			Sources:  []earshot.ImportSource{{From: earshot.FromPattern, Told: told(nil, row.told)}},
			Settings: earshot.ImportSettings{RefuseUnknownStart: row.refuse}, Zone: time.UTC, ModifiedAt: row.modified, Now: now,
		}.Settle()
		got := fmt.Sprint(s.Facts.StartedAt, " ", s.Remarks)
		if err != nil {
			got = earshot.AsError(err).Code
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestImportIDIsTheSameForTheSameFile(t *testing.T) {
	at := time.UnixMilli(1457057700123)
	a, b := earshot.ImportID(at, [32]byte{1, 31: 7}), earshot.ImportID(at, [32]byte{1, 31: 7})
	if a != b || !earshot.ValidCallID(a) || a == earshot.ImportID(at, [32]byte{2}) {
		t.Errorf("%s, %s", a, b)
	}
	if made, ok := earshot.IDTime(a); !ok || !made.Equal(at) {
		t.Errorf("%s is of %v", a, made)
	}
}
