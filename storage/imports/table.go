package imports

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
	"unicode/utf8"

	"earshot"
)

// Bounds of tables.
const (
	MostTableBytes = 256 << 20
	mostRows       = 2_000_000
	mostColumns    = 200
)

// Failures of tables, all of kind Invalid.
var (
	ErrTableEmpty  = earshot.Fail(earshot.Invalid, "table_empty", "the table has no rows below its headings")
	ErrTableNoFile = earshot.Fail(earshot.Invalid, "table_no_file", "no column of the table says which file a row is about: one is to be called 文件名 or file")
	ErrTableLarge  = earshot.Fail(earshot.TooLarge, "table_too_large", "the table is larger than %d MiB, or has more than %d rows", MostTableBytes>>20, mostRows)
	ErrTableBroken = earshot.Fail(earshot.Invalid, "table_broken", "the table cannot be read")
)

// Table is a CSV that says of files what their calls were.
type Table struct {
	Columns []earshot.ImportColumn
	Rows    int
	Charset string
	Comma   rune

	byKey  map[string]*row   // see keyOf
	byName map[string][]*row // by the file's name alone
	rows   []*row
}

type row struct {
	name  string // the file, as the table says
	key   string
	told  earshot.ImportTold
	files int  // that it is about
	twice bool // another row of the same name says otherwise: which is right nobody can tell
}

// ReadTable reads a table. Its first line has the columns' names; fields stand
// between commas, semicolons, tabs or bars, whichever the first line has most of.
func ReadTable(r io.Reader, charset string) (*Table, error) {
	text, err := io.ReadAll(io.LimitReader(r, MostTableBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	if len(text) > MostTableBytes {
		return nil, ErrTableLarge
	}
	t := &Table{byKey: map[string]*row{}, byName: map[string][]*row{}}
	var decoded string
	decoded, t.Charset = Decode(text, charset)
	decoded, t.Comma = commaOf(decoded)
	in := csv.NewReader(strings.NewReader(decoded))
	in.Comma, in.LazyQuotes, in.FieldsPerRecord, in.ReuseRecord = t.Comma, true, -1, true
	in.TrimLeadingSpace = t.Comma != '\t'
	if err := t.readHead(in); err != nil {
		return t, err
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := earshot.Fail(ErrTableBroken.Kind, ErrTableBroken.Code, "the table cannot be read: %v", err)
			return t, line.Because(err)
		}
		if t.Rows++; t.Rows > mostRows {
			return t, ErrTableLarge
		}
		t.take(fields)
	}
	if t.Rows == 0 {
		return t, ErrTableEmpty
	}
	return t, nil
}

// commaOf is what stands between the fields of the first line. Where spreadsheets say
// so in a line of its own that line is left out.
func commaOf(text string) (rest string, comma rune) {
	line, rest, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	if said, ok := strings.CutPrefix(strings.ToLower(strings.Trim(line, "\" \r")), "sep="); ok && utf8.RuneCountInString(said) == 1 {
		comma, _ = utf8.DecodeRuneInString(said)
		return rest, comma
	}
	best, most := ',', 0
	for _, comma := range ",;\t|，；" {
		if n := strings.Count(line, string(comma)); n > most {
			best, most = comma, n
		}
	}
	return text, best
}

func (t *Table) readHead(in *csv.Reader) error {
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		return ErrTableEmpty
	}
	if err != nil {
		return ErrTableBroken.Because(err)
	}
	if len(names) > mostColumns {
		return earshot.Fail(ErrTableBroken.Kind, ErrTableBroken.Code, "the table has more than %d columns", mostColumns)
	}
	taken := map[earshot.ImportField]bool{}
	for _, name := range names {
		c := earshot.ImportColumn{Name: strings.TrimSpace(name), Fact: earshot.ImportFieldOf(name)}
		if c.Fact == earshot.FieldAny || taken[c.Fact] {
			c.Fact = "" // the first of two that would be the same counts
		}
		taken[c.Fact] = true
		t.Columns = append(t.Columns, c)
	}
	if !taken[earshot.FieldFile] {
		return ErrTableNoFile
	}
	return nil
}

// take keeps a row.
func (t *Table) take(fields []string) {
	r := &row{told: earshot.ImportTold{Texts: map[earshot.ImportField]string{}}}
	var start, day earshot.ImportMoment
	for i, text := range fields {
		if text = plain(text); i >= len(t.Columns) || text == "" {
			continue
		}
		switch fact := t.Columns[i].Fact; fact {
		case "":
		case earshot.FieldFile:
			r.name = text
		case earshot.FieldStart:
			start, _ = earshot.ParseImportMoment(text)
		case earshot.FieldDate, earshot.FieldTime:
			m, _ := earshot.ParseImportMoment(text)
			day = day.With(m)
		default:
			r.told.Texts[fact] = text
		}
	}
	r.told.Start = start.With(day)
	if r.name == "" {
		return // of no file
	}
	r.key = keyOf(r.name)
	if other := t.byKey[r.key]; other != nil {
		other.twice = other.twice || other.told.Start != r.told.Start || !maps.Equal(other.told.Texts, r.told.Texts)
		return
	}
	t.rows = append(t.rows, r)
	t.byKey[r.key] = r
	base := path.Base(r.key)
	t.byName[base] = append(t.byName[base], r)
}

// plain is a cell without what spreadsheets write around text that looks like a
// number: ="0012", '0012.
func plain(text string) string {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "="); ok && len(inner) >= 2 && inner[0] == '"' && inner[len(inner)-1] == '"' {
		text = inner[1 : len(inner)-1]
	}
	return strings.TrimSpace(strings.TrimPrefix(text, "'"))
}

// keyOf is a path as rows are found by: with slashes, in lower case, without a
// drive and what else stands in front.
func keyOf(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	if len(name) > 1 && name[1] == ':' {
		name = name[2:]
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// rowOf is the row about a file: one names it if its folders and the file's are the
// same as far as both have any. Of several the one with more of the file's folders
// counts. The row may lack the extension.
func (t *Table) rowOf(filePath string) *row {
	key := keyOf(filePath)
	bare := strings.TrimSuffix(key, path.Ext(key))
	for _, key := range []string{key, bare} {
		for end, more := key, true; more; _, end, more = strings.Cut(end, "/") {
			if r := t.byKey[end]; r != nil {
				return r
			}
		}
		if r := t.rowBeyond(key); r != nil {
			return r
		}
	}
	return nil
}

// rowBeyond is the row that has more folders than the file, if only one fits it:
// which of several is meant nobody can tell.
func (t *Table) rowBeyond(key string) (found *row) {
	for _, r := range t.byName[path.Base(key)] {
		if !endsIn(r.key, key) {
			continue
		}
		if found != nil {
			return nil
		}
		found = r
	}
	return found
}

// endsIn says whether the last folders and the name of a path are those of end.
func endsIn(whole, end string) bool {
	rest, ok := strings.CutSuffix(whole, end)
	return ok && (rest == "" || strings.HasSuffix(rest, "/"))
}

// Expect says that there is such a file. Every file is to be told before Of is
// asked: a row that would be about two tells nothing of either.
func (t *Table) Expect(filePath string) (known bool) {
	r := t.rowOf(filePath)
	if r == nil {
		return false
	}
	r.files++
	return true
}

// Of is what the table tells of the file at that path; not ok where no row is about
// it, or nobody can tell which.
func (t *Table) Of(filePath string) (told earshot.ImportTold, ok bool) {
	r := t.rowOf(filePath)
	if r == nil || r.twice || r.files > 1 {
		return earshot.ImportTold{}, false
	}
	return r.told, true
}

// Absent are the names of rows without a file, at most the first so many, and how
// many there are.
func (t *Table) Absent(most int) (names []string, all int) {
	names = []string{}
	for _, r := range t.rows {
		if r.files > 0 {
			continue
		}
		if all++; len(names) < most {
			names = append(names, r.name)
		}
	}
	return names, all
}
