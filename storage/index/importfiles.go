package index

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"earshot"
)

// importFileRow keeps a file of a batch. The remarks stand between commas.
type importFileRow struct {
	bun.BaseModel `bun:"table:import_files,alias:import_files"`

	Batch      string             `bun:"batch,pk"`
	Path       string             `bun:"path,pk"`
	Bytes      int64              `bun:"bytes"`
	ModifiedAt int64              `bun:"modified_at"`
	Fate       earshot.ImportFate `bun:"fate"`
	Call       string             `bun:"call"`
	Code       string             `bun:"code"`
	Text       string             `bun:"text"`
	Remarks    string             `bun:"remarks"`
	DurationMs int64              `bun:"duration_ms"`
	SHA256     string             `bun:"sha256"`
}

func rowOfImportFile(batch string, f earshot.ImportFile) importFileRow {
	row := importFileRow{
		Batch: batch, Path: clean(f.Path), Bytes: f.Bytes, ModifiedAt: msOf(f.ModifiedAt.Time), Fate: f.Fate, Call: f.Call,
		Code: f.Code, Text: clean(f.Text), DurationMs: f.DurationMs, SHA256: f.SHA256,
	}
	if len(f.Remarks) > 0 {
		row.Remarks = "," + strings.Join(f.Remarks, ",") + ","
	}
	return row
}

func (r importFileRow) file() earshot.ImportFile {
	f := earshot.ImportFile{
		Path: r.Path, Bytes: r.Bytes, Fate: r.Fate, Call: r.Call, Code: r.Code, Text: r.Text, Remarks: []string{},
		DurationMs: r.DurationMs, SHA256: r.SHA256, ModifiedAt: earshot.At(timeOf(r.ModifiedAt)),
	}
	if r.Remarks != "" {
		f.Remarks = strings.Split(strings.Trim(r.Remarks, ","), ",")
	}
	return f
}

// count adds the row to c, n times: −1 takes it out.
func (r importFileRow) count(c *importCounts, n int) {
	c.Files += n
	c.Bytes += int64(n) * r.Bytes
	switch r.Fate {
	case earshot.FateStored:
		c.Stored += n
		c.AudioMs += int64(n) * r.DurationMs
		if r.Remarks != "" {
			c.Remarked += n
		}
	case earshot.FateDuplicate:
		c.Duplicate += n
	case earshot.FateRefused:
		c.Refused += n
		if (earshot.ImportFile{Fate: r.Fate, Code: r.Code}).Other() {
			c.Other += n
		}
	}
}

// AddImportFiles puts files into a batch, to wait. Of those that it has already
// one of the same size and time keeps its fate, unless that is to be refused;
// others wait again, and know their call still. ErrNoImport, and the error of may, which is asked first.
func (ix *Index) AddImportFiles(ctx context.Context, batch string, files []earshot.ImportFile, may func(earshot.Import) error) error {
	return ix.putImportFiles(ctx, batch, files, may, func(old *importFileRow, row importFileRow) (importFileRow, bool) {
		if old != nil && old.Bytes == row.Bytes && old.ModifiedAt == row.ModifiedAt && old.Fate != earshot.FateRefused {
			return *old, false
		}
		row.Fate = earshot.FateWaiting
		if old != nil && row.Call == "" {
			row.Call = old.Call // which may have been made of this very file
		}
		return row, true
	})
}

// SettleImportFiles writes down what became of files of a batch, or, of those that
// still wait, which calls they are about to become.
func (ix *Index) SettleImportFiles(ctx context.Context, batch string, files []earshot.ImportFile) error {
	return ix.putImportFiles(ctx, batch, files, nil, settleAny)
}

// decideFile says what a file's row becomes of the one that there is, nil: none;
// and whether that changes anything.
type decideFile func(old *importFileRow, row importFileRow) (importFileRow, bool)

func settleAny(_ *importFileRow, row importFileRow) (importFileRow, bool) { return row, true }

func (ix *Index) putImportFiles(ctx context.Context, batch string, files []earshot.ImportFile, may func(earshot.Import) error, decide decideFile) error {
	return ix.change(ctx, synced, "keep files of an import", func(tx bun.Tx) error {
		return putImportFilesIn(ctx, tx, batch, files, may, decide)
	})
}

func putImportFilesIn(ctx context.Context, tx bun.Tx, batch string, files []earshot.ImportFile, may func(earshot.Import) error, decide decideFile) error {
	row, err := lockImport(ctx, tx, batch)
	if err != nil {
		return err
	}
	if may != nil {
		m, err := row.batch()
		if err != nil {
			return err
		}
		if err := may(m); err != nil {
			return err
		}
	}
	counts := row.importCounts
	for some := range slices.Chunk(files, rowsAtOnce) {
		if err := putSomeImportFiles(ctx, tx, batch, some, &counts, decide); err != nil {
			return err
		}
	}
	return saveCounts(ctx, tx, batch, counts)
}

func putSomeImportFiles(ctx context.Context, tx bun.Tx, batch string, files []earshot.ImportFile, counts *importCounts, decide decideFile) error {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = clean(f.Path)
	}
	var there []importFileRow
	if err := tx.NewSelect().Model(&there).Where("batch = ?", batch).Where("path IN (?)", bun.List(paths)).Scan(ctx); err != nil {
		return fmt.Errorf("look for files: %w", err)
	}
	known := make(map[string]*importFileRow, len(there))
	for i := range there {
		known[there[i].Path] = &there[i]
	}
	var rows []importFileRow
	for _, f := range files {
		old := known[clean(f.Path)]
		row, changed := decide(old, rowOfImportFile(batch, f))
		if !changed {
			continue
		}
		if old != nil {
			old.count(counts, -1)
			rows = slices.DeleteFunc(rows, func(r importFileRow) bool { return r.Path == row.Path })
		}
		row.count(counts, 1)
		rows = append(rows, row)
		known[row.Path] = &row
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).On("CONFLICT (batch, path) DO UPDATE").Exec(ctx)
	return err
}

func saveCounts(ctx context.Context, tx bun.Tx, batch string, counts importCounts) error {
	row := importRow{ID: batch, importCounts: counts}
	_, err := tx.NewUpdate().Model(&row).Column("files", "bytes", "stored", "duplicate", "refused", "other", "remarked", "audio_ms").WherePK().Exec(ctx)
	return err
}

// ImportFileQuery asks for files of a batch, in the order of their paths' bytes.
type ImportFileQuery struct {
	Batch  string
	Fate   earshot.ImportFate // empty: any
	Remark string             // empty: any, or none
	Begun  bool               // only those that are a call, or are about to become one
	Cursor string
	After  string // a path to go on behind, in place of a cursor
	Limit  int    // 100 by default, at most 1,000
}

// ImportFilePage is a page of files.
type ImportFilePage struct {
	Files []earshot.ImportFile
	Next  string
}

// ImportFiles are files of a batch; ErrBadCursor.
func (ix *Index) ImportFiles(ctx context.Context, q ImportFileQuery) (ImportFilePage, error) {
	page := ImportFilePage{Files: []earshot.ImportFile{}}
	limit, err := limitOf(q.Limit, 100, 1000)
	if err != nil {
		return page, err
	}
	after := q.After
	if q.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		if err != nil || len(text) == 0 || clean(string(text)) != string(text) {
			return page, ErrBadCursor
		}
		after = string(text)
	}
	var rows []importFileRow
	sel := ix.read.NewSelect().Model(&rows).Where("batch = ?", q.Batch).Where("path > ?", after).Order("path").Limit(int64(limit) + 1)
	if q.Fate != "" {
		sel = sel.Where("fate = ?", q.Fate)
	}
	if q.Begun {
		sel = sel.Where("call <> ''")
	}
	if q.Remark != "" {
		sel = sel.Where("remarks LIKE ? ESCAPE '\\'", "%,"+likeLiteral(q.Remark)+",%")
	}
	if err := sel.Scan(ctx); err != nil {
		return page, failed("list files of an import", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = base64.RawURLEncoding.EncodeToString([]byte(rows[limit-1].Path))
	}
	for _, r := range rows {
		page.Files = append(page.Files, r.file())
	}
	return page, nil
}

// ImportReasons are how many files of a batch were refused, by code, and how many
// of all have remarks, by remark.
func (ix *Index) ImportReasons(ctx context.Context, batch string) (earshot.ImportReasons, error) {
	why := earshot.ImportReasons{Codes: map[string]int{}, Remarks: map[string]int{}}
	var rows []struct {
		Code    string `bun:"code"`
		Remarks string `bun:"remarks"`
		N       int    `bun:"n"`
	}
	err := ix.read.NewSelect().Model((*importFileRow)(nil)).Column("code", "remarks").ColumnExpr("count(*) AS n").
		Where("batch = ?", batch).Where("code <> '' OR remarks <> ''").Group("code", "remarks").Scan(ctx, &rows)
	if err != nil {
		return why, failed("count the reasons of an import", err)
	}
	for _, r := range rows {
		if r.Code != "" {
			why.Codes[r.Code] += r.N
		}
		for remark := range strings.FieldsFuncSeq(r.Remarks, func(c rune) bool { return c == ',' }) {
			why.Remarks[remark] += r.N
		}
	}
	return why, nil
}

// likeLiteral is text for LIKE that means itself.
func likeLiteral(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(clean(text))
}

// ComingImport says whether a file of a batch is about to become the call, or was
// when the power failed.
func (ix *Index) ComingImport(ctx context.Context, call string) (bool, error) {
	is, err := ix.read.NewSelect().Model((*importFileRow)(nil)).Where("fate = 'waiting'").Where("call <> ''").Where("call = ?", call).Exists(ctx)
	return is, failed("look for a file of an import", err)
}

// hashDigits is how much of a hash parts are found by.
const hashDigits = 12

// CallWithFile is the call, in whatever state, one of whose parts is a file of that
// SHA-256; ok says whether there is one.
func (ix *Index) CallWithFile(ctx context.Context, sha256 string) (call string, state earshot.CallState, ok bool, err error) {
	if len(sha256) < hashDigits {
		return "", "", false, nil // a part that is being written has none yet
	}
	var rows []struct {
		ID    string            `bun:"id"`
		State earshot.CallState `bun:"state"`
	}
	if err = ix.withFile(sha256).Scan(ctx, &rows); err != nil || len(rows) == 0 {
		return "", "", false, failed("look for a file by its hash", err)
	}
	return rows[0].ID, rows[0].State, true, nil
}

// withFile asks for the call with a file of that SHA-256. Compared by itself the
// whole hash would be put into substr by SQLite, which then would use no index.
func (ix *Index) withFile(sha256 string) *bun.SelectQuery {
	return ix.read.NewSelect().TableExpr("parts").Join("JOIN calls ON calls.id = parts.call").ColumnExpr("calls.id AS id, calls.state AS state").
		Where("substr(parts.sha256, 1, 12) = ?", sha256[:hashDigits]).Where("parts.sha256 || '' = ?", sha256).
		OrderExpr("calls.state DESC, calls.id").Limit(1)
}
