package imports

import (
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"earshot"
	"earshot/audio/tags"
)

// Tags is what a file itself tells of its call: its date, what recorders wrote
// under the names of our fields or in the comment as name=value, and, where it can
// be nothing else, an agent for the artist and a number for the title. A damaged
// tag tells nothing.
func Tags(file io.ReaderAt, size int64, charset string) earshot.ImportTold {
	told := earshot.ImportTold{Texts: map[earshot.ImportField]string{}}
	coded := tags.Auto
	if charset == earshot.CharsetUTF8 || charset == earshot.CharsetGB18030 {
		coded = tags.Charset(charset)
	}
	t, err := tags.Read(file, size, coded)
	if err != nil {
		return told // whoever copies the file meets the error, too
	}
	day := earshot.ImportMoment{}
	say := func(name, value string) {
		m, isTime := earshot.ParseImportMoment(value)
		switch field := earshot.ImportFieldOf(name); field {
		case "", earshot.FieldAny, earshot.FieldFile:
		case earshot.FieldStart:
			if isTime {
				told.Start = told.Start.With(m)
			}
		case earshot.FieldDate, earshot.FieldTime:
			if isTime {
				day = day.With(m)
			}
		default:
			if value = strings.TrimSpace(value); !told.Has(field) && value != "" {
				told.Texts[field] = value
			}
		}
	}
	texts := []string{t.Comment, t.Title}
	for _, name := range slices.Sorted(maps.Keys(t.Extra)) {
		say(name, t.Extra[name])
		if earshot.ImportFieldOf(name) == "" {
			texts = append(texts, t.Extra[name])
		}
	}
	for _, text := range texts {
		for name, value := range pairsIn(text) {
			say(name, value)
		}
	}
	takeArtist(&told, t.Artist)
	if title := strings.TrimSpace(t.Title); !told.Has(earshot.FieldNumber) && phone.MatchString(title) {
		told.Texts[earshot.FieldNumber] = title
	}
	told.Start = told.Start.With(day)
	if m, ok := earshot.ParseImportMoment(t.Date); ok {
		told.Start = told.Start.With(m)
	}
	return told
}

var (
	phone   = regexp.MustCompile(`^\+?\d{7,13}$`)
	person  = regexp.MustCompile(`^\p{Han}{2,4}$`)
	staff   = regexp.MustCompile(`^[A-Za-z]{0,3}\d{2,8}$`)
	staffed = regexp.MustCompile(`^([A-Za-z]{0,3}\d{2,8})[ _\-/]?(\p{Han}{2,4})$`)
	namedAs = regexp.MustCompile(`^(\p{Han}{2,4})[ _\-/(（]?([A-Za-z]{0,3}\d{2,8})[)）]?$`)
)

// pairsIn are the pairs in text such as 工号=1001; number: 13900000000.
func pairsIn(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for piece := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(";；|,，\n", r) }) {
			several := []string{piece}
			if strings.Count(piece, "=") > 1 { // with spaces between
				several = strings.Fields(piece)
			}
			for _, pair := range several {
				at := strings.IndexAny(pair, "=：:")
				if at <= 0 {
					continue
				}
				value := strings.TrimLeft(pair[at:], "=：: ")
				if !yield(pair[:at], strings.TrimSpace(value)) {
					return
				}
			}
		}
	}
}

// takeArtist takes the artist for the agent where it looks like one.
func takeArtist(told *earshot.ImportTold, artist string) {
	artist = strings.TrimSpace(artist)
	id, name := "", ""
	switch {
	case person.MatchString(artist):
		name = artist
	case staff.MatchString(artist):
		id = artist
	case staffed.MatchString(artist):
		g := staffed.FindStringSubmatch(artist)
		id, name = g[1], g[2]
	case namedAs.MatchString(artist):
		g := namedAs.FindStringSubmatch(artist)
		id, name = g[2], g[1]
	}
	if id != "" && !told.Has(earshot.FieldAgent) {
		told.Texts[earshot.FieldAgent] = id
	}
	if name != "" && !told.Has(earshot.FieldName) {
		told.Texts[earshot.FieldName] = name
	}
}
