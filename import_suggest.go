package earshot

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// ImportSuggestion is a pattern that somebody may want, made out of paths.
type ImportSuggestion struct {
	Pattern string `json:"pattern"`
	Matched int    `json:"matched"` // of the paths that were looked at
	Of      int    `json:"of"`
}

// mostSuggestions is how many patterns are worth a choice.
const mostSuggestions = 5

// SuggestImportPatterns makes patterns out of what paths look like, first the one
// that tells most of all files together: a loose pattern that fits the one odd name,
// too, tells less. What looks like a day, a time, a seat that exists, a phone number,
// an agent's number or a direction is taken for one.
func SuggestImportPatterns(paths []string, seats []Seat) []ImportSuggestion {
	known := map[string]bool{}
	for _, s := range seats {
		known[nameKey(s.ID)], known[nameKey(s.Name)] = true, true
	}
	shapes := map[string]int{}
	minutes := tellMinutes(paths)
	of := 0
	for _, p := range paths {
		if slices.Contains([]string{".csv", ".txt", ".xls", ".xlsx"}, strings.ToLower(path.Ext(p))) {
			continue
		}
		of++
		shapes[shapeOf(p, known, minutes)]++
	}
	// A field and nothing else fits every name, and so tells nothing of any.
	maps.DeleteFunc(shapes, func(shape string, _ int) bool { return shape == "" || looksBare.MatchString(shape) })
	// Names that are one of a kind would make as many shapes as there are paths.
	common := slices.SortedFunc(maps.Keys(shapes), func(a, b string) int {
		return cmp.Or(shapes[b]-shapes[a], strings.Compare(a, b))
	})
	var found []ImportSuggestion
	told := map[string]int{} // facts of all files together, by pattern
	for _, shape := range common[:min(len(common), 4*mostSuggestions)] {
		pattern, err := ParseImportPattern(shape)
		if err != nil {
			continue // two fields of one kind with nothing between, and the like
		}
		one := ImportSuggestion{Pattern: shape, Of: of}
		for _, p := range paths {
			if _, fits := pattern.Match(p); fits {
				one.Matched++
			}
		}
		if one.Matched = min(one.Matched, of); one.Matched == 0 {
			continue
		}
		for _, f := range pattern.Fields() {
			if f != FieldAny {
				told[shape] += one.Matched
			}
		}
		found = append(found, one)
	}
	slices.SortStableFunc(found, func(a, b ImportSuggestion) int {
		return cmp.Or(told[b.Pattern]-told[a.Pattern], b.Matched-a.Matched)
	})
	return found[:min(len(found), mostSuggestions)]
}

// behindDay are four digits behind a day: a time of day without seconds, or somebody's
// number.
var behindDay = regexp.MustCompile(`(?:^|\D)(?:19|20)\d\d[-.]?[01]\d[-.]?[0-3]\d[ _T-](\d\d)(\d\d)(?:\D|$)`)

// tellMinutes says whether four digits behind a day are times of day. One of them may
// be either; all together they are none if one of them is no time, and the times of
// many calls lie in several hours, which staff numbers that look like times do not.
func tellMinutes(paths []string) bool {
	hours, times := map[string]bool{}, map[string]bool{}
	for _, p := range paths {
		m := behindDay.FindStringSubmatch(path.Base(p))
		if m == nil {
			continue
		}
		if m[1] > "23" || m[2] > "59" {
			return false
		}
		hours[m[1]], times[m[1]+m[2]] = true, true
	}
	return len(hours) >= min(3, len(times))
}

// shapeOf is a pattern of one path; empty where nothing of it looks like anything.
func shapeOf(p string, seats map[string]bool, minutes bool) string {
	elements := strings.Split(strings.TrimSuffix(p, path.Ext(p)), "/")
	s := &shaper{seats: seats, said: map[ImportField]bool{}, minutes: minutes}
	shapes := make([]string, len(elements))
	useful := len(elements)
	for i := len(elements) - 1; i >= 0; i-- { // the name knows best
		before := len(s.said)
		s.file = i == len(elements)-1
		shapes[i] = s.element(elements[i])
		if len(s.said) > before {
			useful = i
		}
	}
	for i := useful; i < len(elements)-1; i++ {
		if !strings.Contains(strings.ReplaceAll(shapes[i], "{*}", ""), "{") {
			shapes[i] = "{*}" // a folder between that tells nothing
		}
	}
	return strings.Join(shapes[useful:], "/")
}

// shaper makes a pattern of a path's elements, each field once.
type shaper struct {
	seats   map[string]bool
	said    map[ImportField]bool
	file    bool // the element at hand is the file's name
	minutes bool // times of day may have no seconds
}

// moment is what a day or a time looks like in names.
type moment struct {
	field ImportField
	looks *regexp.Regexp
	form  func(found []string) string
}

// moments are all that are looked for, the most telling first.
var moments = []moment{
	{FieldStart, regexp.MustCompile(`\b((?:19|20)\d\d)(\d\d)(\d\d)([ \x01T-]?)(\d\d)(\d\d)(\d\d)\b`),
		func(f []string) string { return "yyyyMMdd" + f[4] + "HHmmss" }},
	{FieldStart, regexp.MustCompile(`\b((?:19|20)\d\d)([-.])(\d\d)[-.](\d\d)([ \x01T-])(\d\d)([-.:])(\d\d)[-.:](\d\d)\b`),
		func(f []string) string {
			return "yyyy" + f[2] + "MM" + f[2] + "dd" + f[5] + "HH" + f[7] + "mm" + f[7] + "ss"
		}},
	toTheMinute,
	{FieldDate, regexp.MustCompile(`\b((?:19|20)\d\d)([-.])([01]\d)[-.]([0-3]\d)\b`),
		func(f []string) string { return "yyyy" + f[2] + "MM" + f[2] + "dd" }},
	{FieldDate, regexp.MustCompile(`\b((?:19|20)\d\d)年([01]\d)月([0-3]\d)日`),
		func([]string) string { return "yyyy年MM月dd日" }},
	{FieldDate, regexp.MustCompile(`\b((?:19|20)\d\d)([01]\d)([0-3]\d)\b`),
		func([]string) string { return "yyyyMMdd" }},
	{FieldTime, regexp.MustCompile(`\b([0-2]\d)([-.:])([0-5]\d)[-.:]([0-5]\d)\b`),
		func(f []string) string { return "HH" + f[2] + "mm" + f[2] + "ss" }},
	{FieldTime, regexp.MustCompile(`\b([01]\d|2[0-3])([0-5]\d)([0-5]\d)\b`),
		func([]string) string { return "HHmmss" }},
}

// toTheMinute is looked for only where there are such times; see tellMinutes.
var toTheMinute = moment{
	FieldStart, regexp.MustCompile(`\b((?:19|20)\d\d)([-.]?)([01]\d)[-.]?([0-3]\d)([ \x01T-])([01]\d|2[0-3])([0-5]\d)\b`),
	func(f []string) string { return "yyyy" + f[2] + "MM" + f[2] + "dd" + f[5] + "HHmm" },
}

// hidden stands for the n-th moment while the rest of a name is looked at: no
// name has such characters.
const hidden = '\ue000'

func (s *shaper) element(text string) string {
	var found []string
	// An underscore counts as a letter of a word: to the expressions it is none.
	plain := strings.ReplaceAll(text, "_", "\x01")
	for _, m := range moments {
		// A time of day is taken although no day was seen: that may be the name of a
		// folder above, which is looked at later.
		if m.looks == toTheMinute.looks && !s.minutes {
			continue
		}
		if s.said[m.field] || s.said[FieldStart] || m.field == FieldStart && (s.said[FieldDate] || s.said[FieldTime]) {
			continue
		}
		at := m.looks.FindStringSubmatchIndex(plain)
		if at == nil {
			continue
		}
		groups := m.looks.FindStringSubmatch(plain)
		field := "{" + string(m.field) + ":" + strings.ReplaceAll(m.form(groups), "\x01", "_") + "}"
		plain = plain[:at[0]] + string(hidden+rune(len(found))) + plain[at[1]:]
		found = append(found, field)
		s.said[m.field] = true
	}
	return s.words(strings.ReplaceAll(plain, "\x01", "_"), found)
}

// words makes fields of the words between separators.
func (s *shaper) words(text string, found []string) string {
	var out strings.Builder
	var word strings.Builder
	last := ""
	add := func(piece string) {
		if piece == "{*}" && strings.HasPrefix(last, "{") { // nobody could tell where one ends
			return
		}
		out.WriteString(piece)
		last = piece
	}
	flush := func() {
		if word.Len() > 0 {
			add(s.word(word.String()))
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case r >= hidden && int(r-hidden) < len(found):
			flush()
			add(found[r-hidden])
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '+' && word.Len() == 0:
			word.WriteRune(r)
		default:
			flush()
			piece := string(r)
			if strings.ContainsRune("{}[]*", r) {
				piece = "{*}"
			}
			add(piece)
		}
	}
	flush()
	return out.String()
}

// What words look like.
var (
	looksNumber = regexp.MustCompile(`^(?:\+?86)?1[3-9]\d{9}$|^0\d{9,11}$|^[2-9]\d{6,7}$`)
	looksAgent  = regexp.MustCompile(`^[A-Za-z]{0,3}\d{3,6}$`)
	looksName   = regexp.MustCompile(`^\p{Han}{2,4}$`)
	looksMonth  = regexp.MustCompile(`^(?:19|20)\d\d(?:0[1-9]|1[0-2])?$`) // or a year
	looksBoth   = regexp.MustCompile(`^(?:\d{3,6}(\p{Han}{2,4})|(\p{Han}{2,4})\d{3,6})$`)
	looksThing  = regexp.MustCompile(`[年月日号室厅组队部台席窗]|录音|备份|营业|电话|热线|通话`) // what nobody is called
	looksBare   = regexp.MustCompile(`^\{[a-z]+\}$`)
)

// both makes fields of a word that is an agent's number and name in one; empty where
// it is not.
func (s *shaper) both(word string) string {
	m := looksBoth.FindStringSubmatch(word)
	if m == nil || looksThing.MatchString(word) || s.said[FieldAgent] || s.said[FieldName] {
		return ""
	}
	if number := strings.Trim(word, m[1]+m[2]); !s.file && looksMonth.MatchString(number) {
		return "" // a folder of a year, or a month, with a word
	}
	s.said[FieldAgent], s.said[FieldName] = true, true
	if m[2] != "" {
		return "{name}{agent:digits}"
	}
	return "{agent:digits}{name}"
}

func (s *shaper) word(word string) string {
	if fields := s.both(word); fields != "" {
		return fields
	}
	_, direction := ImportDirectionOf(word)
	for _, one := range []struct {
		field ImportField
		is    bool
	}{
		{FieldSeat, s.seats[nameKey(word)]},
		{FieldDirection, direction && !strings.ContainsAny(word, "01")},
		{FieldNumber, looksNumber.MatchString(word)},
		{FieldAgent, looksAgent.MatchString(word) && (s.file || !looksMonth.MatchString(word))},
		{FieldName, s.file && looksName.MatchString(word)},
	} {
		if one.is && !s.said[one.field] {
			s.said[one.field] = true
			return "{" + string(one.field) + "}"
		}
	}
	return "{*}"
}
