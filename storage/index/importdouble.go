package index

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"

	"earshot"
)

// SettleDouble writes down what became of a file of a batch whose bytes are the
// call id already, and what that changes of the call: both or neither. edit is
// given the call, which nobody else edits meanwhile, changes it and answers the
// file and the row of the audit; without a row the call stays as it is. edit must
// not ask the index anything, and may be called again; what it fails with
// SettleDouble fails with. earshot.ErrNoCall, ErrNoImport.
func (ix *Index) SettleDouble(ctx context.Context, batch, id string,
	edit func(*earshot.Call) (earshot.ImportFile, *earshot.Audit, error),
) (c earshot.Call, err error) {
	var refused error
	err = ix.change(ctx, synced, "note the double of a call", func(tx bun.Tx) error {
		if _, err := lockImport(ctx, tx, batch); err != nil { // before the call, always
			return err
		}
		if c, err = callToEdit(ctx, tx, id); err != nil {
			return err
		}
		file, audit, err := edit(&c)
		if refused = err; err != nil {
			return err
		}
		if audit != nil {
			if err := putEdited(ctx, tx, c, *audit); err != nil {
				return err
			}
		}
		return putImportFilesIn(ctx, tx, batch, []earshot.ImportFile{file}, nil, settleAny)
	})
	return c, cmp.Or(refused, err)
}

// putEdited writes a call and who changed it.
func putEdited(ctx context.Context, tx bun.Tx, c earshot.Call, audit earshot.Audit) error {
	rows, err := rowsOf(c)
	if err != nil {
		return err
	}
	if err := putCall(ctx, tx, rows); err != nil {
		return err
	}
	row := rowOfAudit(audit)
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return err
}
