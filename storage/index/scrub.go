package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

// ScrubNote is how far the check of the archive has come. It is kept so that a
// run goes on after a restart where it was, and the next run where it ended.
type ScrubNote struct {
	Running   bool         `json:"running"`
	Step      string       `json:"step"`      // of the run under way
	Whole     bool         `json:"whole"`     // it looks at the whole ledger and all files' names
	StartedAt earshot.Time `json:"startedAt"` // of the run under way, or of the last
	Checked   int64        `json:"checked"`   // files read in it
	Bytes     int64        `json:"bytes"`     // of them
	Total     int64        `json:"total"`     // that it reads
	All       bool         `json:"all"`       // it ends when it has been round the archive
	From      string       `json:"from"`      // the call it began behind
	Wrapped   bool         `json:"wrapped"`   // it has begun anew at the oldest call

	Cursor    string       `json:"cursor"`    // the last call looked at
	PassAt    earshot.Time `json:"passAt"`    // when the oldest call was looked at last
	PassBytes int64        `json:"passBytes"` // read since
	WholeAt   earshot.Time `json:"wholeAt"`   // when a run was whole the last time
	Ledger    int64        `json:"ledger"`    // records looked at
	Root      string       `json:"root"`      // of the tree of so many, hex
}

type scrubRow struct {
	bun.BaseModel `bun:"table:scrub,alias:scrub"`

	Name string `bun:"name,pk"`
	Doc  string `bun:"doc"`
}

const theScrub = "scrub"

// Scrub is how far the check has come; the zero note before the first.
func (ix *Index) Scrub(ctx context.Context) (n ScrubNote, err error) {
	var row scrubRow
	err = ix.read.NewSelect().Model(&row).Where("name = ?", theScrub).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(row.Doc), &n)
	}
	return n, failed("read how far the check has come", err)
}

// SaveScrub keeps how far the check has come. It is not synced: what a power
// failure takes back is looked at once more.
func (ix *Index) SaveScrub(ctx context.Context, n ScrubNote) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	row := scrubRow{Name: theScrub, Doc: string(doc)}
	return ix.change(ctx, lazy, "keep how far the check has come", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").Exec(ctx)
		return err
	})
}

// CallsBehind are the calls whose ids come behind after, whatever their state,
// in the order of their ids.
func (ix *Index) CallsBehind(ctx context.Context, after string, limit int) ([]earshot.Call, error) {
	var ids []string
	err := ix.read.NewSelect().Model((*callRow)(nil)).Column("id").Where("id > ?", after).Order("id").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, failed("list calls in their order", err)
	}
	calls, err := callsOf(ctx, ix.read, ids)
	return calls, failed("read calls", err)
}

// StoredBytes is how much audio there is of stored calls.
func (ix *Index) StoredBytes(ctx context.Context) (int64, error) {
	var n int64
	err := ix.read.NewSelect().TableExpr("parts").Join("JOIN calls ON calls.id = parts.call").
		ColumnExpr("CAST(COALESCE(SUM(parts.bytes), 0) AS BIGINT)").Where("calls.state = ?", earshot.CallStored).Scan(ctx, &n)
	return n, failed("count what is stored", err)
}

// PartWithHash is the part whose file has that SHA-256; ok says whether there is
// one. It looks at all parts: it is for a file that is not the one it should be.
func (ix *Index) PartWithHash(ctx context.Context, sha256 string) (call string, n int, ok bool, err error) {
	var row partRow
	err = ix.read.NewSelect().Model(&row).Column("call", "n").Where("sha256 = ?", sha256).Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, false, nil
	}
	return row.Call, row.N, err == nil, failed("look for a part by its hash", err)
}
