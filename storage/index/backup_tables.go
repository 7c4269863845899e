package index

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"earshot"
)

// Every table is in one of three lists, and a test holds the lists against the
// migrations: what a back-up has, what files bring back, and what says nothing
// that anybody would miss.
var (
	tablesFromFiles = []string{ // by calls' own files and the ledger: see storage.Archive.Reindex
		"calls", "parts", "gaps", "marks", tagTable, flagTable, "deletions", "unheard_calls", "holds", "ledger_progress", "call_terms",
	}
	tablesWithoutFacts = []string{"locks", "sessions", "scrub", "analysis", "terms_version"} // who is signed in signs in again; a check begins anew
)

// backedUp is a table of the back-up.
type backedUp interface {
	name() string
	// dump hands every row to each, in an order in which they can be put back.
	dump(ctx context.Context, ix *Index, tx bun.Tx, each func(row any) error) error
	// restore puts rows back and answers how many it added or changed.
	restore(ctx context.Context, tx bun.Tx, rows []json.RawMessage, r *restorer) (int, error)
}

// backupTables are what a back-up has, in the order in which it is put back.
func backupTables() []backedUp {
	return []backedUp{
		branchTable{table[branchCopy]{"branches", "id", "id"}},
		table[seatRow]{"seats", "id", "id"},
		tokenTable{table[tokenRow]{"seat_tokens", "seat, hash", "seat, made_at, hash"}},
		table[userRow]{"users", "id", "id"},
		table[formerRow]{"former_users", "id", "id"},
		table[agentRow]{"agents", "id", "id"},
		table[policyRow]{"policies", "id", "id"},
		table[searchRow]{"searches", "id", "id"},
		auditTable{table[auditRow]{"audit", "id", "at, id"}},
		announcementTable{table[announcementRow]{"announcements", "id", "id"}},
		table[streamRow]{"streams", "id, since", "id, since"},
		table[soundCheckRow]{"sound_checks", "id", "id"},
		table[settingRow]{"settings", "name", "name"},
		table[packageRow]{"packages", "id", "id"},
		table[runRow]{"retention_runs", "id", "id"},
		problemTable{table[problemRow]{"problems", "id", "id"}},
		table[importRow]{"imports", "id", "id"},
		table[importFileRow]{"import_files", "batch, path", "batch, path"},
	}
}

func backedUpTables() []string {
	var names []string
	for _, t := range backupTables() {
		names = append(names, t.name())
	}
	return names
}

// tables are the tables that there are.
func (ix *Index) tables(ctx context.Context) (map[string]bool, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'call_words%'" // which is of call_terms
	if ix.postgres {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	var names []string
	if err := ix.read.NewRaw(query).Scan(ctx, &names); err != nil {
		return nil, failed("list the tables", err)
	}
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all, nil
}

// table is one whose rows are models of type R.
type table[R any] struct {
	title string
	key   string // its columns
	order string
}

func (t table[R]) name() string { return t.title }

func (t table[R]) dump(ctx context.Context, ix *Index, tx bun.Tx, each func(row any) error) (err error) {
	rows, err := tx.NewSelect().Model((*R)(nil)).OrderExpr(t.order).Rows(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	for rows.Next() {
		var row R
		if err := ix.read.ScanRow(ctx, rows, &row); err != nil {
			return err
		}
		if err := each(columnsOf(tx, &row)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// columnsOf is a row by its columns' names.
func columnsOf[R any](tx bun.Tx, row *R) map[string]any {
	value := reflect.ValueOf(row).Elem()
	columns := map[string]any{}
	for _, f := range fieldsOf[R](tx) {
		columns[f.Name] = f.Value(value).Interface()
	}
	return columns
}

func fieldsOf[R any](tx bun.Tx) []*schema.Field {
	return tx.Dialect().Tables().Get(reflect.TypeFor[*R]()).Fields
}

// parse reads rows as columnsOf writes them. A column that is not known is a
// newer earshot's, and would be lost.
func (t table[R]) parse(tx bun.Tx, texts []json.RawMessage) ([]R, error) {
	fields := fieldsOf[R](tx)
	rows := make([]R, len(texts))
	for i, text := range texts {
		var columns map[string]json.RawMessage
		if err := json.Unmarshal(text, &columns); err != nil {
			return nil, badBackup("a row of %s cannot be read", t.title)
		}
		value := reflect.ValueOf(&rows[i]).Elem()
		for _, f := range fields {
			column, said := columns[f.Name]
			delete(columns, f.Name)
			if !said {
				continue // the table got it since
			}
			if err := json.Unmarshal(column, f.Value(value).Addr().Interface()); err != nil {
				return nil, badBackup("the column %s of a row of %s cannot be read", f.Name, t.title)
			}
		}
		for name := range columns {
			return nil, ErrBackupNewer.Because(fmt.Errorf("%s has a column %q", t.title, name))
		}
	}
	return rows, nil
}

func (t table[R]) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (int, error) {
	rows, err := t.parse(tx, texts)
	if err != nil {
		return 0, err
	}
	return t.put(ctx, tx, rows, r.replace)
}

func (t table[R]) put(ctx context.Context, tx bun.Tx, rows []R, replace bool) (int, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	put := tx.NewInsert().Model(&rows).On("CONFLICT DO NOTHING")
	if replace {
		put = tx.NewInsert().Model(&rows).On("CONFLICT (" + t.key + ") DO UPDATE")
	}
	res, err := put.Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("put rows of %s: %w", t.title, err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// branchCopy is a branch whose parent is null where there is none.
type branchCopy struct {
	bun.BaseModel `bun:"table:branches,alias:branches"`

	ID     string  `bun:"id,pk"`
	Name   string  `bun:"name"`
	Parent *string `bun:"parent"`
}

// branchTable puts branches above others first.
type branchTable struct{ table[branchCopy] }

func (t branchTable) dump(ctx context.Context, ix *Index, tx bun.Tx, each func(row any) error) error {
	var rows []branchCopy
	if err := tx.NewSelect().Model(&rows).OrderExpr("id").Scan(ctx); err != nil {
		return err
	}
	done := map[string]bool{}
	for len(rows) > 0 {
		var later []branchCopy
		for i := range rows {
			if p := rows[i].Parent; p != nil && !done[*p] {
				later = append(later, rows[i])
				continue
			}
			done[rows[i].ID] = true
			if err := each(columnsOf(tx, &rows[i])); err != nil {
				return err
			}
		}
		if len(later) == len(rows) {
			return fmt.Errorf("the branch %s lies below itself", rows[0].ID)
		}
		rows = later
	}
	return nil
}

// restore takes a branch that has its id for a name and nothing above it for one
// that Reindex made: all it knew was the id.
func (t branchTable) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (changed int, err error) {
	if err := lock(ctx, tx, "branches"); err != nil {
		return 0, err
	}
	if err := lock(ctx, tx, branchTree); err != nil { // those above calls may be others afterwards
		return 0, err
	}
	rows, err := t.parse(tx, texts)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		put := tx.NewInsert().Model(&rows[i]).On("CONFLICT (id) DO UPDATE")
		if !r.replace {
			put = put.Where("branches.name = branches.id AND branches.parent IS NULL AND EXCLUDED.name <> EXCLUDED.id")
		}
		none, err := changedNone(put.Exec(ctx))
		if err != nil {
			return 0, fmt.Errorf("put branch %s: %w", rows[i].ID, err)
		}
		if !none {
			changed++
		}
	}
	return changed, noCircle(ctx, tx)
}

// noCircle fails where branches lie below themselves.
func noCircle(ctx context.Context, tx bun.Tx) error {
	all, err := allBranches(ctx, tx)
	if err != nil {
		return err
	}
	parents := map[string]string{}
	for _, b := range all {
		parents[b.ID] = b.Parent
	}
	for id := range parents {
		at := parents[id]
		for steps := 0; at != ""; steps++ {
			if at == id || steps > len(all) {
				return earshot.Fail(earshot.Conflict, "branch_circle", "branch %s would lie below itself: the tree was changed since the back-up", id)
			}
			at = parents[at]
		}
	}
	return nil
}

// tokenTable brings a seat's tokens back all or none: one that was replaced must
// not open the door again beside the one that replaced it.
type tokenTable struct{ table[tokenRow] }

func (t tokenTable) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (int, error) {
	rows, err := t.parse(tx, texts)
	if err != nil {
		return 0, err
	}
	var wanted []tokenRow
	for _, row := range rows {
		take, met := r.seats[row.Seat]
		if !met {
			kept, err := tokensOf(ctx, tx, row.Seat)
			if err != nil {
				return 0, err
			}
			take = len(kept[row.Seat]) == 0 || r.replace
			if take && len(kept[row.Seat]) > 0 {
				if _, err := tx.NewDelete().Model((*tokenRow)(nil)).Where("seat = ?", row.Seat).Exec(ctx); err != nil {
					return 0, err
				}
			}
			r.seats[row.Seat] = take
		}
		if take {
			wanted = append(wanted, row)
		}
	}
	return t.put(ctx, tx, wanted, r.replace)
}

// auditTable only ever adds.
type auditTable struct{ table[auditRow] }

func (t auditTable) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (int, error) {
	rows, err := t.parse(tx, texts)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	var there []string
	if err := tx.NewSelect().Model((*auditRow)(nil)).Column("id").Where("id IN (?)", bun.List(ids)).Scan(ctx, &there); err != nil {
		return 0, fmt.Errorf("look for audit rows: %w", err)
	}
	known := map[string]bool{}
	for _, id := range there {
		known[id] = true
	}
	var missing []auditRow
	for _, row := range rows {
		if !known[row.ID] {
			known[row.ID] = true
			missing = append(missing, row)
		}
	}
	n, err := t.put(ctx, tx, missing, false)
	for _, row := range missing {
		if err == nil && row.Call != "" && row.Action == earshot.AuditPlay {
			err = notePlayed(ctx, tx, row.Call, row.At)
		}
	}
	return n, err
}

// announcementTable has a second key: what one announcer tells of one conversation.
type announcementTable struct{ table[announcementRow] }

func (t announcementTable) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (int, error) {
	rows, err := t.parse(tx, texts)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if !r.replace {
			break
		}
		_, err := tx.NewDelete().Model((*announcementRow)(nil)).Where("seat = ?", row.Seat).Where("ref = ?", row.Ref).Where("id <> ?", row.ID).Exec(ctx)
		if err != nil {
			return 0, fmt.Errorf("make room for an announcement: %w", err)
		}
	}
	return t.put(ctx, tx, rows, r.replace)
}

// problemTable has one open problem of a kind and a file: the one that is there
// stays.
type problemTable struct{ table[problemRow] }

func (t problemTable) restore(ctx context.Context, tx bun.Tx, texts []json.RawMessage, r *restorer) (int, error) {
	rows, err := t.parse(tx, texts)
	if err != nil {
		return 0, err
	}
	var wanted []problemRow
	for _, row := range rows {
		open, err := tx.NewSelect().Model((*problemRow)(nil)).Where("code = ?", row.Code).Where("call = ?", row.Call).
			Where("file = ?", row.File).Where("resolved_at = 0").Where("id <> ?", row.ID).Exists(ctx)
		if err != nil {
			return 0, fmt.Errorf("look for an open problem: %w", err)
		}
		if !open || row.ResolvedAt != 0 {
			wanted = append(wanted, row)
		}
	}
	return t.put(ctx, tx, wanted, r.replace)
}
