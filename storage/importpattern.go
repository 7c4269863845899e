package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"earshot"
	"earshot/storage/imports"
	"earshot/storage/index"
)

// ErrPatternFitsNone means that a batch's pattern fits none of its files: it is
// mistyped, or is meant for others.
var ErrPatternFitsNone = earshot.Fail(earshot.Invalid, "pattern_fits_none",
	"the pattern fits none of the files, and no table tells when their calls began; mend the pattern, or empty it to take what else is known")

// errFits ends the search for a file that a pattern fits.
var errFits = errors.New("the pattern fits")

// checkPattern is ErrPatternFitsNone where a batch's pattern fits none of its
// files, those of runs before among them, and no table tells when their calls
// began: all of them would come in under their own times.
func (s *Imports) checkPattern(ctx context.Context, m earshot.Import) (err error) {
	if m.Settings.Pattern == "" {
		return nil
	}
	pattern, err := earshot.ParseImportPattern(m.Settings.Pattern)
	if err != nil {
		return err
	}
	folder, err := s.Folder(m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	files := 0
	err = folder.Walk(ctx, func(f imports.File) error {
		if f.Code != "" || f.Path == m.Settings.Metadata || imports.NamedTable(f.Path) {
			return nil
		}
		files++
		if _, fits := pattern.Match(f.Path); fits {
			return errFits
		}
		return nil
	})
	switch {
	case errors.Is(err, errFits) || err == nil && files == 0:
		return nil
	case err != nil:
		return fmt.Errorf("look for files: %w", err)
	}
	if fitted, err := s.fitted(ctx, m.ID, pattern); fitted || err != nil {
		return err
	}
	if tells, err := tableTellsStarts(m.Settings, folder); tells || err != nil {
		return err
	}
	return ErrPatternFitsNone
}

// fitted says whether the pattern fits a file that runs before have seen: those
// that became calls lie in the folder no more.
func (s *Imports) fitted(ctx context.Context, id string, pattern *earshot.ImportPattern) (bool, error) {
	for q := (index.ImportFileQuery{Batch: id, Limit: 1000}); ; {
		page, err := s.index().ImportFiles(ctx, q)
		if err != nil {
			return false, err
		}
		for _, f := range page.Files {
			if _, fits := pattern.Match(f.Path); fits {
				return true, nil
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return false, nil
		}
	}
}

// tableTellsStarts says whether the settings' table has a column for when calls
// began.
func tableTellsStarts(settings earshot.ImportSettings, folder ImportFolder) (bool, error) {
	if settings.Metadata == "" {
		return false, nil
	}
	facts := importFacts{settings: settings}
	if err := facts.readTable(folder); err != nil {
		return false, err
	}
	return slices.ContainsFunc(facts.table.Columns, func(c earshot.ImportColumn) bool {
		return c.Fact == earshot.FieldStart || c.Fact == earshot.FieldDate
	}), nil
}
