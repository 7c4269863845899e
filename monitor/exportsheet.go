package monitor

import (
	"archive/zip"
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"earshot"
)

const csvType = "text/csv; charset=utf-8"

// exportSheet takes an export's rows. finish ends it with a note, empty where
// there is nothing to note; close gives back what it holds, finished or not.
type exportSheet interface {
	row(values []any) error
	flush() error
	finish(note string) error
	close() error
}

// sheet begins an export's file with its head.
func (e *export) sheet(w *exportOutput) (exportSheet, error) {
	heads := make([]any, len(e.columns))
	for i, c := range e.columns {
		heads[i] = e.facts.words.heads[c.name]
		if c.name == "startedAt" { // a time says nothing without its zone
			heads[i] = fmt.Sprintf("%s (%s)", heads[i], e.s.Location)
		}
	}
	if e.ask.Format == "xlsx" {
		return newBookSheet(w, e.facts.words.sheet, e.columns, heads, e.s.Location)
	}
	return newCSVSheet(w, heads, e.s.Location)
}

// csvSheet writes CSV as Excel reads it: a byte-order mark, CRLF.
type csvSheet struct {
	out    *exportOutput
	w      *csv.Writer
	zone   *time.Location
	fields []string
}

const byteOrderMark = "\ufeff"

func newCSVSheet(out *exportOutput, heads []any, zone *time.Location) (*csvSheet, error) {
	buffered := bufio.NewWriterSize(out, 64<<10)
	s := &csvSheet{out: out, w: csv.NewWriter(buffered), zone: zone, fields: make([]string, len(heads))}
	s.w.UseCRLF = true
	if _, err := buffered.WriteString(byteOrderMark); err != nil {
		return nil, err
	}
	return s, s.row(heads)
}

func (s *csvSheet) row(values []any) error {
	for i, v := range values {
		s.fields[i] = plain(v, s.zone)
	}
	return s.w.Write(s.fields)
}

func (s *csvSheet) flush() error {
	s.w.Flush()
	if err := s.w.Error(); err != nil {
		return err
	}
	return s.out.flush()
}

func (s *csvSheet) finish(note string) error {
	if note != "" {
		if err := s.w.Write([]string{note}); err != nil {
			return err
		}
	}
	return s.flush()
}

func (s *csvSheet) close() error { return nil }

// plain is a value as text.
func plain(v any, zone *time.Location) string {
	switch v := v.(type) {
	case string:
		return earshot.SheetText(oneLine(v))
	case int:
		return strconv.Itoa(v)
	case share:
		return fmt.Sprintf("%d.%d%%", v/10, v%10)
	case time.Duration:
		d := v.Truncate(time.Second)
		return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	case earshot.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(zone).Format(time.DateTime)
	}
	return ""
}

// oneLine keeps a row a line: who counts lines counts calls.
var lineEnds = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", "")

func oneLine(text string) string {
	if text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		text = "'" + text
	}
	return lineEnds.Replace(text)
}

// bookSheet writes a workbook of one sheet. excelize keeps the rows in a file
// beside it once they are many; the workbook itself goes straight to out.
type bookSheet struct {
	out   *exportOutput
	file  *excelize.File
	w     *excelize.StreamWriter
	zone  *time.Location
	rows  int
	cells []any

	text, clock, length, percent int // styles
}

func newBookSheet(out *exportOutput, title string, columns []column, heads []any, zone *time.Location) (_ *bookSheet, err error) {
	s := &bookSheet{out: out, file: excelize.NewFile(), zone: zone, cells: make([]any, len(columns))}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	// The library would make the whole workbook in memory first.
	s.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(out) })
	if err := s.file.SetSheetName("Sheet1", title); err != nil {
		return nil, err
	}
	bold, err := s.styles()
	if err != nil {
		return nil, err
	}
	if s.w, err = s.file.NewStreamWriter(title); err != nil {
		return nil, err
	}
	for i, c := range columns {
		if err := s.w.SetColWidth(i+1, i+1, c.width); err != nil {
			return nil, err
		}
	}
	if err := s.w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	for i, head := range heads {
		s.cells[i] = excelize.Cell{StyleID: bold, Value: head}
	}
	return s, s.write(s.cells)
}

func (s *bookSheet) styles() (bold int, err error) {
	clock, length := "yyyy-mm-dd hh:mm:ss", "[h]:mm:ss"
	for _, one := range []struct {
		to    *int
		style excelize.Style
	}{
		{&bold, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&s.text, excelize.Style{NumFmt: 49}}, // text stays text, also where somebody edits the cell
		{&s.clock, excelize.Style{CustomNumFmt: &clock}},
		{&s.length, excelize.Style{CustomNumFmt: &length}},
		{&s.percent, excelize.Style{NumFmt: 10}},
	} {
		if *one.to, err = s.file.NewStyle(&one.style); err != nil {
			return 0, err
		}
	}
	return bold, nil
}

func (s *bookSheet) row(values []any) error {
	for i, v := range values {
		s.cells[i] = s.cell(v)
	}
	return s.write(s.cells)
}

// cell is a value with the form it is shown in. A time is the wall clock's.
func (s *bookSheet) cell(v any) any {
	switch v := v.(type) {
	case string:
		return excelize.Cell{StyleID: s.text, Value: earshot.SheetText(oneLine(v))}
	case share:
		return excelize.Cell{StyleID: s.percent, Value: float64(v) / 1000}
	case time.Duration:
		return excelize.Cell{StyleID: s.length, Value: v.Truncate(time.Second).Seconds() / (24 * 60 * 60)}
	case earshot.Time:
		if v.IsZero() {
			return nil
		}
		at := v.In(s.zone)
		wall := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
		return excelize.Cell{StyleID: s.clock, Value: wall}
	}
	return v
}

func (s *bookSheet) write(cells []any) error {
	s.rows++
	at, err := excelize.CoordinatesToCellName(1, s.rows)
	if err != nil {
		return err
	}
	return s.w.SetRow(at, cells)
}

func (s *bookSheet) flush() error { return nil }

func (s *bookSheet) finish(note string) error {
	if note != "" {
		if err := s.write([]any{excelize.Cell{StyleID: s.text, Value: note}}); err != nil {
			return err
		}
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	return s.file.Write(s.out)
}

func (s *bookSheet) close() error { return s.file.Close() }
