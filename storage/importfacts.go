package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot"
	"earshot/storage/imports"
)

// importFacts settle what is known of the files of one batch: the same for its
// preview and its run.
type importFacts struct {
	settings earshot.ImportSettings
	pattern  *earshot.ImportPattern // nil: none
	table    *imports.Table         // nil: none
	missing  int                    // files without a row of it
	zone     *time.Location
	now      time.Time

	seats map[string]earshot.Seat // by id, and by names that only one has
}

// newImportFacts reads what settings speak of. A table is read from folder.
func (s *Imports) newImportFacts(ctx context.Context, settings earshot.ImportSettings) (*importFacts, error) {
	f := &importFacts{settings: settings, now: s.now(), seats: map[string]earshot.Seat{}}
	var err error
	if f.zone, err = settings.Location(s.Archive.location); err != nil {
		return nil, err
	}
	if settings.Pattern != "" {
		if f.pattern, err = earshot.ParseImportPattern(settings.Pattern); err != nil {
			return nil, err
		}
	}
	seats, err := s.index().Seats(ctx)
	if err != nil {
		return nil, err
	}
	named := map[string]int{}
	for _, seat := range seats {
		named[seatKey(seat.Name)]++
	}
	for _, seat := range seats {
		if named[seatKey(seat.Name)] == 1 { // which of several is meant nobody can tell
			f.seats[seatKey(seat.Name)] = seat
		}
	}
	for _, seat := range seats { // an id counts more than another's name
		f.seats[seatKey(seat.ID)] = seat
	}
	return f, nil
}

func seatKey(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// readTable reads the batch's table out of the folder.
func (f *importFacts) readTable(folder ImportFolder) (err error) {
	file, _, err := folder.Open(f.settings.Metadata)
	if err != nil {
		return earshot.Fail(earshot.NotFound, "no_table", "there is no file %q that could be read as the table", f.settings.Metadata).Because(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	f.table, err = imports.ReadTable(file, f.settings.Charset)
	return err
}

// expect tells the table of a file.
func (f *importFacts) expect(path string) {
	if f.table != nil && path != f.settings.Metadata && !f.table.Expect(path) {
		f.missing++
	}
}

// settled is what is known of a file's call.
type settled struct {
	earshot.SettledImport
	seat earshot.Seat
}

// of settles the facts of one file. tags is what the file itself says.
func (f *importFacts) of(file imports.File, tags earshot.ImportTold) (s settled, err error) {
	about := earshot.ImportAbout{Settings: f.settings, Zone: f.zone, ModifiedAt: file.ModifiedAt, Now: f.now}
	var remarks []string
	if f.table != nil {
		told, ok := f.table.Of(file.Path)
		if !ok {
			remarks = append(remarks, earshot.RemarkNoRow)
		}
		about.Sources = append(about.Sources, earshot.ImportSource{From: earshot.FromTable, Told: told})
	}
	if f.pattern != nil {
		told, fits := f.pattern.Match(file.Path)
		if !fits {
			remarks = append(remarks, earshot.RemarkUnmatched)
		}
		about.Sources = append(about.Sources, earshot.ImportSource{From: earshot.FromPattern, Told: told})
	}
	about.Sources = append(about.Sources, earshot.ImportSource{From: earshot.FromTags, Told: tags})
	s.SettledImport, err = about.Settle()
	for _, remark := range remarks {
		s.Remark(remark)
	}
	if file.Recoded {
		s.Remark(earshot.RemarkNameRecoded)
	}
	if err != nil {
		return s, err
	}
	return s, f.findSeat(&s)
}

// findSeat finds the seat that the facts name, or takes the settings'.
func (f *importFacts) findSeat(s *settled) error {
	named := s.Facts.Seat
	seat, known := f.seats[seatKey(named)]
	if !known && named != "" && f.settings.Seat != "" && !f.settings.RefuseUnknownSeat {
		if seat, known = f.seats[seatKey(f.settings.Seat)]; known {
			s.Remark(earshot.RemarkSeatReplaced)
			s.From["seat"] = earshot.FromSettings
		}
	}
	switch {
	case named == "":
		return earshot.Fail(earshot.Invalid, imports.CodeSeatMissing, "%s", imports.Say(imports.CodeSeatMissing, false))
	case !known:
		return earshot.Fail(earshot.Invalid, imports.CodeSeatUnknown, "there is no seat %q, or there are several of that name", named)
	}
	s.seat, s.Facts.Seat = seat, seat.ID
	return nil
}

// Bounds of previews.
const (
	previewed    = 200  // rows of the first files, and as many of later ones that are odd
	previewLooks = 2000 // files that are looked into for tags, beyond which names and the table alone count
)

// Preview says what settings would make of a batch's files, or, if paths are
// given, of files called so. Of its files it looks into the first ones alone.
func (s *Imports) Preview(ctx context.Context, id string, settings earshot.ImportSettings, paths []string) (p earshot.ImportPreview, err error) {
	p.Rows = []earshot.ImportPreviewRow{}
	m, err := s.index().Import(ctx, id)
	if err != nil {
		return p, err
	}
	if len(paths) > 0 {
		if err := s.check(ctx, settings); err != nil {
			return p, err
		}
		facts, err := s.newImportFacts(ctx, settings)
		if err != nil {
			return p, err
		}
		for _, path := range paths {
			file := imports.File{Path: path}
			s, err := facts.of(file, earshot.ImportTold{})
			facts.preview(&p, file, s, err)
		}
		return p, nil
	}
	folder, err := s.Folder(m)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	return s.PreviewFolder(ctx, settings, folder)
}

// PreviewFolder says what settings would make of the files in a folder.
func (s *Imports) PreviewFolder(ctx context.Context, settings earshot.ImportSettings, folder ImportFolder) (p earshot.ImportPreview, err error) {
	p.Rows = []earshot.ImportPreviewRow{}
	if err := s.check(ctx, settings); err != nil {
		return p, err
	}
	facts, err := s.newImportFacts(ctx, settings)
	if err != nil {
		return p, err
	}
	return p, facts.previewFolder(ctx, &p, folder)
}

func (f *importFacts) previewFolder(ctx context.Context, p *earshot.ImportPreview, folder ImportFolder) error {
	var all []imports.File
	err := folder.Walk(ctx, func(file imports.File) error {
		if file.Code == "" && file.Path != f.settings.Metadata && !imports.NamedTable(file.Path) {
			all = append(all, file)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for files: %w", err)
	}
	if f.settings.Metadata != "" {
		p.Table = &earshot.ImportTable{Columns: []earshot.ImportColumn{}, Samples: []string{}}
		if err := f.readTable(folder); err != nil {
			failure := earshot.AsError(err)
			p.Table.Code, p.Table.Error = failure.Code, failure.Text
		}
	}
	for _, file := range all {
		f.expect(file.Path)
	}
	if f.table != nil {
		p.Table.Columns, p.Table.Rows, p.Table.Charset, p.Table.Missing = f.table.Columns, f.table.Rows, f.table.Charset, f.missing
		p.Table.Samples, p.Table.Absent = f.table.Absent(20)
	}
	looked := 0
	for _, file := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := f.of(file, earshot.ImportTold{})
		unsure := err != nil || slices.Contains(s.Remarks, earshot.RemarkStartUnknown)
		if len(p.Rows) < previewed || unsure && looked < previewLooks {
			looked++
			s, err = f.of(file, f.tagsAt(folder, file.Path))
		}
		f.preview(p, file, s, err)
	}
	return nil
}

// preview adds a file, of which this is settled, to a preview.
func (f *importFacts) preview(p *earshot.ImportPreview, file imports.File, s settled, err error) {
	unknownStart := slices.Contains(s.Remarks, earshot.RemarkStartUnknown)
	switch {
	case err != nil:
		p.Refused++
	case unknownStart:
		p.UnknownStart++
	}
	fits := f.pattern == nil
	if !fits {
		_, fits = f.pattern.Match(file.Path)
	}
	if fits {
		p.Matched++
	} else {
		p.Unmatched++
	}
	most := previewed
	if err != nil || unknownStart || !fits {
		most *= 2
	}
	if len(p.Rows) >= most {
		return
	}
	row := earshot.ImportPreviewRow{Path: file.Path, Facts: s.Facts, From: s.From, Remarks: s.Remarks}
	if err != nil {
		row.Code, row.Error = earshot.AsError(err).Code, earshot.AsError(err).Text
	}
	p.Rows = append(p.Rows, row)
}

// tagsAt is what the file itself tells; nothing where it cannot be read, which its
// turn will show.
func (f *importFacts) tagsAt(folder ImportFolder, path string) earshot.ImportTold {
	file, info, err := folder.Open(path)
	if err != nil {
		return earshot.ImportTold{}
	}
	defer func() { _ = file.Close() }() // only read
	return imports.Tags(file, info.Size(), f.settings.Charset)
}
