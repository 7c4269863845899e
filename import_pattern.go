package earshot

import (
	"fmt"
	"regexp"
	"strings"
)

// ImportPattern says what the folders and the name of a file tell of its call:
//
//	{date:yyyyMMdd}/{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}[_{direction}].mp3
//
// A field in braces takes as little as it can of one folder's or the file's name;
// {*} takes what tells nothing. What stands in brackets may be missing. All else
// is meant as it is written, but upper and lower case are the same. A pattern is
// about the end of a path: folders above those that it names do not matter, unless
// it begins with a slash. Without an extension at its end it fits any. A brace or
// bracket that is meant is written twice.
//
// Behind a colon stands the form: of times letters, as in yyyy-MM-dd HH.mm.ss, or
// unix or unixms; of others how many characters (4, or 3-6), digits, or what words
// mean (1=outbound,0=inbound).
type ImportPattern struct {
	text   string
	match  *regexp.Regexp
	fields []patternField // by the expression's groups
}

// patternField is what one group of the expression holds.
type patternField struct {
	field ImportField
	form  *momentForm       // of times, if they have one
	words map[string]string // what words mean, if that is told; by nameKey
}

// String is the pattern as it was written.
func (p *ImportPattern) String() string { return p.text }

// Fields are the fields that the pattern has, in their order.
func (p *ImportPattern) Fields() []ImportField {
	fields := make([]ImportField, len(p.fields))
	for i, f := range p.fields {
		fields[i] = f.field
	}
	return fields
}

// ImportTold is what one source tells of a file's call.
type ImportTold struct {
	Texts map[ImportField]string // all but times
	Start ImportMoment
}

// Has says whether the source tells a field.
func (t ImportTold) Has(field ImportField) bool { return t.Texts[field] != "" }

// Match says what path tells, if the pattern fits it. Where a time of it is none,
// as 20261345 would be, it does not fit either.
func (p *ImportPattern) Match(path string) (told ImportTold, fits bool) {
	groups := p.match.FindStringSubmatch("/" + strings.TrimPrefix(strings.ReplaceAll(path, `\`, "/"), "/"))
	if groups == nil {
		return ImportTold{}, false
	}
	told.Texts = map[ImportField]string{}
	var start, day ImportMoment
	for i, f := range p.fields {
		text := groups[i+1]
		if text == "" {
			continue // an optional part that is missing
		}
		switch f.field {
		case FieldStart:
			if !f.read(text, &start) {
				return ImportTold{}, false
			}
		case FieldDate, FieldTime:
			if !f.read(text, &day) {
				return ImportTold{}, false
			}
		default:
			told.Texts[f.field] = f.meaning(text)
		}
	}
	told.Start = start.With(day)
	if !told.Start.IsZero() && !told.Start.Valid() {
		return ImportTold{}, false
	}
	return told, true
}

func (f patternField) read(text string, into *ImportMoment) bool {
	if f.form != nil {
		return f.form.read(text, into)
	}
	m, ok := ParseImportMoment(text)
	*into = into.With(m)
	return ok
}

// meaning is what text stands for.
func (f patternField) meaning(text string) string {
	text = strings.TrimSpace(text)
	if meant, ok := f.words[nameKey(text)]; ok {
		return meant
	}
	return text
}

// maxPattern is how long a pattern may be, in characters.
const maxPattern = 500

// ParseImportPattern reads a pattern. What is wrong with it is said with the place,
// counted in characters from 1: `bad_pattern`, in Chinese and, on a line below, in
// English.
func ParseImportPattern(text string) (*ImportPattern, error) {
	runes := []rune(strings.TrimSpace(text))
	if len(runes) == 0 || len(runes) > maxPattern {
		return nil, Fail(Invalid, "bad_pattern", "应为 1 到 %[1]d 个字符\na pattern is 1 to %[1]d characters", maxPattern)
	}
	c := &patternParser{runes: runes, pattern: &ImportPattern{text: string(runes)}, said: map[string]int{}}
	if err := c.parse(); err != nil {
		return nil, err
	}
	return c.pattern, nil
}

// patternParser makes an expression of a pattern.
type patternParser struct {
	runes   []rune
	at      int
	pattern *ImportPattern
	out     strings.Builder
	said    map[string]int // fields and parts of times that were told, and where
	open    []int          // where brackets were opened
	free    int            // where a field began that nothing ends yet, from 1; 0: none
	frees   []int          // the same when each open bracket began
	beside  string         // the expression of the field just before, where nothing stands between; else empty
	tail    []rune         // of what is meant as it is written, at the end
}

// fail says in both languages what is wrong at a character; what is told there
// stands in both.
func (c *patternParser) fail(at int, chinese, english string, args ...any) error {
	return Fail(Invalid, "bad_pattern", "第 %[1]d 个字符：%[2]s\nat character %[1]d: %[3]s",
		at+1, fmt.Sprintf(chinese, args...), fmt.Sprintf(english, args...))
}

func (c *patternParser) parse() error {
	c.out.WriteString(`(?is)^`)
	if c.runes[0] == '/' {
		c.at++
		c.out.WriteString("/")
	} else {
		c.out.WriteString(`(?:.*/)?`)
	}
	for c.at < len(c.runes) {
		if err := c.next(); err != nil {
			return err
		}
	}
	if len(c.open) > 0 {
		return c.fail(c.open[len(c.open)-1], "这个方括号没有收尾", "this bracket is not closed")
	}
	if len(c.pattern.fields) == 0 {
		return c.fail(0, "没有字段，什么也读不出：要有 {seat}、{start:yyyyMMddHHmmss} 这样的字段",
			"the pattern tells nothing: it has no field such as {seat} or {start:yyyyMMddHHmmss}")
	}
	if err := c.checkTimes(); err != nil {
		return err
	}
	if !strings.Contains(string(c.tail), ".") {
		c.out.WriteString(`(?:\.[^./]{1,8})?`)
	}
	c.out.WriteString(`$`)
	match, err := regexp.Compile(c.out.String())
	if err != nil {
		return Fail(Invalid, "bad_pattern", "规则太复杂\nthe pattern is too large").Because(err)
	}
	c.pattern.match = match
	return nil
}

// next reads one character that means itself, a bracket or a field.
func (c *patternParser) next() error {
	r := c.runes[c.at]
	if r != '{' && r != '*' {
		c.beside = ""
	}
	doubled := c.at+1 < len(c.runes) && c.runes[c.at+1] == r
	switch {
	case strings.ContainsRune("{}[]", r) && doubled && (r != ']' || len(c.open) == 0): // in brackets a bracket closes
		c.at++
		c.literal(r)
	case r == '{':
		return c.field()
	case r == '}':
		return c.fail(c.at, "这个花括号没有开头；要写花括号本身就写两个",
			"this brace was not opened; one that is meant is written twice")
	case r == '[':
		if len(c.open) == 4 {
			return c.fail(c.at, "方括号套得太深，最多 4 层", "brackets lie in brackets more than 4 deep")
		}
		c.open, c.frees = append(c.open, c.at), append(c.frees, c.free)
		c.out.WriteString(`(?:`)
	case r == ']':
		if len(c.open) == 0 {
			return c.fail(c.at, "这个方括号没有开头；要写方括号本身就写两个",
				"this bracket was not opened; one that is meant is written twice")
		}
		last := len(c.open) - 1
		c.free = max(c.free, c.frees[last]) // what stands in it may be missing
		c.open, c.frees = c.open[:last], c.frees[:last]
		c.out.WriteString(`)?`)
	case r == '*':
		return c.group(c.at, patternField{field: FieldAny}, anything, true)
	default:
		c.literal(r)
	}
	c.at++
	return nil
}

func (c *patternParser) literal(r rune) {
	if r == '\\' {
		r = '/'
	}
	if r == '/' {
		c.tail = nil
	} else {
		c.tail = append(c.tail, r)
	}
	c.out.WriteString(regexp.QuoteMeta(string(r)))
	c.free = 0
}

// field reads a field in braces.
func (c *patternParser) field() error {
	begin := c.at
	end := begin + 1
	for end < len(c.runes) && c.runes[end] != '}' {
		if c.runes[end] == '{' || c.runes[end] == '/' && !strings.Contains(string(c.runes[begin:end]), ":") {
			break
		}
		end++
	}
	if end == len(c.runes) || c.runes[end] != '}' {
		return c.fail(begin, "这个花括号没有收尾", "this brace is not closed")
	}
	name, form, formed := strings.Cut(string(c.runes[begin+1:end]), ":")
	field := ImportFieldOf(name)
	switch {
	case strings.TrimSpace(name) == "*":
		field = FieldAny
	case field == "" || field == FieldFile:
		return c.fail(begin+1, "没有 %[1]q 这个字段；有 %[2]s",
			"there is no field %[1]q; there are %[2]s", name, patternFieldNames)
	case formed && strings.TrimSpace(form) == "":
		return c.fail(begin+1, "{%s} 的冒号后面没有写", "the form of {%s} is missing", name)
	}
	if field == FieldStart || field == FieldDate || field == FieldTime {
		c.at = end + 1
		return c.timeField(begin, field, form, begin+2+len([]rune(name)))
	}
	f := patternField{field: field}
	expression, free, err := c.textForm(&f, form, begin+2+len([]rune(name)))
	if err != nil {
		return err
	}
	c.at = end
	return c.group(begin, f, expression, free)
}

// patternFieldNames are for who misspelt one.
const patternFieldNames = "start, date, time, seat, agent, name, number, caller, callee, direction, account, ticket, business, *"

// group adds a field that the expression finds, and steps behind it. free says
// that it may be of any length.
func (c *patternParser) group(begin int, f patternField, expression string, free bool) error {
	if f.field != FieldAny {
		if _, twice := c.said[string(f.field)]; twice {
			return c.fail(begin, "{%s} 写了两次", "{%s} stands twice", f.field)
		}
		c.said[string(f.field)] = begin
	}
	told := false
	if f.words == nil { // which may have digits in them
		expression, told = c.toldApart(expression)
	}
	if free && c.free > 0 && !told {
		return c.fail(begin, "这个字段和第 %d 个字符的字段紧挨着，分不出哪里断开：请写明其中一个的长度，如 {坐席:4}",
			"nothing stands between this field and the one at character %d: nobody can tell where one ends; say how long one is, as in {seat:4}", c.free)
	}
	c.free = 0
	if free {
		c.free = begin + 1
	}
	c.tail = nil
	c.pattern.fields = append(c.pattern.fields, f)
	c.out.WriteString("(" + expression + ")")
	if c.beside = expression; f.words != nil {
		c.beside = ""
	}
	c.at++
	return nil
}

// What fields of any length may be of.
const (
	anyText   = `[^/]+?`
	anything  = `[^/]*?`
	anyDigits = `\d+?`
)

// toldApart is the expression of a field, and whether it is told apart from the one
// just before it: digits end where text begins, and text ends where digits begin.
func (c *patternParser) toldApart(expression string) (string, bool) {
	switch {
	case c.beside == anyDigits && expression == anyText:
		return `[^/\d][^/]*?`, true
	case c.beside == anyDigits && expression == anything:
		return `(?:[^/\d][^/]*?)?`, true
	case c.beside == anyText && expression == anyDigits:
		before := strings.TrimSuffix(c.out.String(), "("+anyText+")")
		c.out.Reset()
		c.out.WriteString(before + `([^/]*?[^/\d])`)
		return expression, true
	}
	return expression, false
}
