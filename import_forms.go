package earshot

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// textForm is the expression of a field that is no time.
func (c *patternParser) textForm(f *patternField, form string, at int) (expression string, free bool, err error) {
	form = strings.TrimSpace(form)
	switch {
	case form == "" && f.field == FieldAny:
		return anything, true, nil
	case form == "":
		return anyText, true, nil
	case form == "digits" || form == "数字":
		return anyDigits, true, nil
	case strings.Contains(form, "="):
		return c.wordForm(f, form, at)
	}
	if g := lengths.FindStringSubmatch(form); g != nil {
		least, most := number(g[1]), number(g[1])
		if g[2] != "" {
			most = number(g[2])
		}
		if least < 1 || most < least || most > 255 {
			return "", false, c.fail(at, "长度应为 1 到 255，短的在前，而不是 %q", "a length is 1 to 255, the shorter first, not %q", form)
		}
		return `[^/]{` + strconv.Itoa(least) + "," + strconv.Itoa(most) + `}?`, least != most, nil
	}
	return "", false, c.fail(at, "{%s} 的冒号后面应是长度（4 或 3-6）、digits（数字）或词的含义（in=inbound,out=outbound），而不是 %q",
		"the form of {%s} is a length (4, or 3-6), digits, or what words mean (in=inbound,out=outbound), not %q", f.field, form)
}

var lengths = regexp.MustCompile(`^(\d{1,3})(?:-(\d{1,3}))?$`)

// wordForm reads what words mean: 1=outbound,0=inbound.
func (c *patternParser) wordForm(f *patternField, form string, at int) (string, bool, error) {
	f.words = map[string]string{}
	for pair := range strings.FieldsFuncSeq(form, func(r rune) bool { return strings.ContainsRune(",;，；|", r) }) {
		word, meant, ok := strings.Cut(pair, "=")
		word, meant = strings.TrimSpace(word), strings.TrimSpace(meant)
		if !ok || word == "" || meant == "" {
			return "", false, c.fail(at, "词的含义应写成 词=含义,词=含义，而不是 %q", "what words mean is written word=meaning,word=meaning, not %q", pair)
		}
		if f.field == FieldDirection {
			d, known := ImportDirectionOf(meant)
			if !known {
				return "", false, c.fail(at, "%q 不是方向：inbound 呼入、outbound 呼出、none 无", "%q is no direction: inbound, outbound or none", meant)
			}
			meant = string(d)
		}
		f.words[nameKey(word)] = meant
	}
	return `[^/]+?`, true, nil
}

// momentForm is a form of times.
type momentForm struct {
	match *regexp.Regexp
	parts []string // what each group is
}

// momentParts are the parts of times: how they are written, and their digits.
var momentParts = map[string]string{
	"yyyy": `\d{4}`, "yy": `\d{2}`, "MM": `\d{2}`, "M": `\d{1,2}`, "dd": `\d{2}`, "d": `\d{1,2}`,
	"HH": `\d{2}`, "H": `\d{1,2}`, "hh": `\d{2}`, "h": `\d{1,2}`, "mm": `\d{2}`, "m": `\d{1,2}`, "ss": `\d{2}`, "s": `\d{1,2}`,
	"SSS": `\d{3}`, "unix": `\d{10}`, "unixms": `\d{13}`, "a": `[AaPp]\.?[Mm]\.?|上午|下午|中午`, "Z": `Z|[+-]\d{2}:?\d{2}`,
}

// alsoWritten are other ways of writing parts of times.
var alsoWritten = map[string]string{"YYYY": "yyyy", "YY": "yy", "DD": "dd", "D": "d", "fff": "SSS", "unixtime": "unix", "timestamp": "unix", "tt": "a"}

// timeField adds a field of a time.
func (c *patternParser) timeField(begin int, field ImportField, form string, at int) error {
	f := patternField{field: field}
	expression := map[ImportField]string{
		FieldStart: `(?:\d{4}[-/._]?\d{2}[-/._]?\d{2}|\d{4}年\d{1,2}月\d{1,2}日)[ T_-]*(?:\d{2}[:._-]?\d{2}[:._-]?\d{2}(?:\.?\d{3})?|\d{1,2}[时点]\d{1,2}分(?:\d{1,2}秒)?)`,
		FieldDate:  `\d{4}[-._]?\d{2}[-._]?\d{2}|\d{4}年\d{1,2}月\d{1,2}日`,
		FieldTime:  `\d{2}[:._-]?\d{2}[:._-]?\d{2}|\d{1,2}[时点]\d{1,2}分(?:\d{1,2}秒)?`,
	}[field]
	parts := map[ImportField][]string{FieldStart: {"yyyy", "MM", "dd", "HH"}, FieldDate: {"yyyy", "MM", "dd"}, FieldTime: {"HH"}}[field]
	if form != "" {
		var err error
		if f.form, expression, err = c.momentForm(form, at); err != nil {
			return err
		}
		parts = f.form.parts
	}
	for _, part := range parts {
		what := partOf[part]
		if field == FieldStart {
			what = "start's " + what
		}
		if _, twice := c.said[what]; twice {
			return c.twice(begin, part)
		}
		c.said[what] = begin
	}
	c.free, c.tail = 0, nil
	c.pattern.fields = append(c.pattern.fields, f)
	c.out.WriteString("(" + expression + ")")
	return nil
}

// twice says that a part of a time stands where another of the same was.
func (c *patternParser) twice(at int, part string) error {
	return c.fail(at, "时间的同一部分写了两次（%[2]s）；MM 是月，mm 是分", "the %[1]s stands twice; MM is the month, mm the minute", partOf[part], part)
}

// partOf is what a part tells.
var partOf = map[string]string{
	"yyyy": "year", "yy": "year", "MM": "month", "M": "month", "dd": "day", "d": "day", "HH": "hour", "H": "hour", "hh": "hour", "h": "hour",
	"mm": "minute", "m": "minute", "ss": "second", "s": "second", "SSS": "millisecond", "unix": "instant", "unixms": "instant", "a": "half of the day", "Z": "zone",
}

// momentForm reads a form of times, such as yyyyMMddHHmmss or yyyy-MM-dd.
func (c *patternParser) momentForm(form string, at int) (*momentForm, string, error) {
	f := &momentForm{}
	var match, find strings.Builder
	runes := []rune(form)
	for i := 0; i < len(runes); {
		r := runes[i]
		end := i + 1
		switch {
		case r == '\'':
			for end < len(runes) && runes[end] != '\'' {
				end++
			}
			if end == len(runes) {
				return nil, "", c.fail(at+i, "这个引号没有收尾", "this quotation mark is not closed")
			}
			quoted := regexp.QuoteMeta(string(runes[i+1 : end]))
			match.WriteString(quoted)
			find.WriteString(quoted)
			i = end + 1
			continue
		case r == 'T' || !isLetter(r):
			match.WriteString(regexp.QuoteMeta(string(r)))
			find.WriteString(regexp.QuoteMeta(string(r)))
			i++
			continue
		}
		for end < len(runes) && (runes[end] == r || (r == 'u' || r == 't') && isLetter(runes[end])) {
			end++
		}
		part := string(runes[i:end])
		if other, ok := alsoWritten[part]; ok {
			part = other
		}
		digits, known := momentParts[part]
		if !known {
			return nil, "", c.fail(at+i, "%q 不是时间的一部分：可以写 yyyy 年 MM 月 dd 日 HH 时 mm 分 ss 秒 SSS 毫秒、unix、unixms；别的字母放在 '…' 里",
				"%q is no part of a time: there are yyyy MM dd HH mm ss SSS, unix and unixms; other letters stand in '…'", part)
		}
		for _, other := range f.parts {
			if partOf[other] == partOf[part] {
				return nil, "", c.twice(at+i, part)
			}
		}
		f.parts = append(f.parts, part)
		match.WriteString("(" + digits + ")")
		find.WriteString("(?:" + digits + ")")
		i = end
	}
	if len(f.parts) == 0 {
		return nil, "", c.fail(at, "%q 里没有时间：可以写 yyyy 年 MM 月 dd 日 HH 时 mm 分 ss 秒 SSS 毫秒、unix、unixms",
			"%q has no part of a time: there are yyyy MM dd HH mm ss SSS, unix and unixms", form)
	}
	f.match = regexp.MustCompile(`^(?:` + match.String() + `)$`)
	return f, find.String(), nil
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// read writes what text tells into m; false where it is no time.
func (f *momentForm) read(text string, m *ImportMoment) bool {
	groups := f.match.FindStringSubmatch(text)
	if groups == nil {
		return false
	}
	half := ""
	for i, part := range f.parts {
		value := groups[i+1]
		switch partOf[part] {
		case "year":
			m.Year = number(value)
			if part == "yy" {
				m.Year += 2000
			}
		case "month":
			m.Month = number(value)
		case "day":
			m.Day = number(value)
		case "hour":
			m.Hour, m.HasTime = number(value), true
		case "minute":
			m.Minute = number(value)
		case "second":
			m.Second = number(value)
		case "millisecond":
			m.Mil = number(value)
		case "half of the day":
			half = value
		case "zone":
			m.takeZone(value)
		case "instant":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return false
			}
			if part == "unix" {
				n *= 1000
			}
			m.Instant = time.UnixMilli(n).UTC()
		}
	}
	return m.takeHalf(half)
}

// checkTimes sees that the parts of times that stand in a pattern make one.
func (c *patternParser) checkTimes() error {
	for _, of := range []string{"start's ", ""} {
		has := func(part string) bool { _, said := c.said[of+part]; return said }
		where := 0
		for part := range partsSeen {
			if at, said := c.said[of+part]; said {
				where = at
			}
		}
		days := 0
		for _, part := range []string{"year", "month", "day"} {
			if has(part) {
				days++
			}
		}
		switch {
		case has("instant"):
		case days != 0 && days != 3:
			return c.fail(where, "日期要有年、月、日", "a date needs a year, a month and a day")
		case has("minute") && !has("hour"), has("second") && !has("minute") && of == "start's ", has("millisecond") && !has("second") && of == "start's ":
			return c.fail(where, "时刻要从大的写起：时、分、秒", "a time of day needs what is larger, too: hours, minutes, seconds")
		}
	}
	return nil
}

var partsSeen = map[string]bool{"year": true, "month": true, "day": true, "hour": true, "minute": true, "second": true, "millisecond": true, "instant": true}
