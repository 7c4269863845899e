package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"earshot"
	"earshot/storage/index"
)

// backupCommand writes what no call's file could bring back. It works beside a
// running server.
type backupCommand struct {
	indexFlags
	File string `arg:"" help:"The file to write, in place of one of that name."`
}

// Run writes the back-up: the file is whole or not there.
func (c backupCommand) Run(ctx context.Context, out io.Writer) (err error) {
	ix, err := c.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	rows, err := writeBackup(ctx, ix, c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", c.File, countsText(rows))
	return err
}

// openExisting opens the index if there is one: none is made to be backed up.
func (f indexFlags) openExisting(ctx context.Context) (*index.Index, error) {
	if f.Index == "sqlite" {
		file := filepath.Join(f.Data, "index.db")
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("--data %s: index.db: %w", f.Data, plain(err))
		}
	}
	return f.open(ctx)
}

// writeBackup writes beside the final name first. The file has password hashes:
// it is its owner's alone.
func writeBackup(ctx context.Context, ix *index.Index, name string) (rows map[string]int, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // 0600
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // what went wrong is in err
		}
	}()
	rows, err = ix.Backup(ctx, file, "earshot "+version, time.Now())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if err = os.Rename(file.Name(), name); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	return rows, errors.Join(dir.Sync(), dir.Close())
}

// countsText are counts by name, in the order of the names.
func countsText(counts map[string]int) string {
	var texts []string
	for name, n := range counts {
		texts = append(texts, fmt.Sprintf("%d %s", n, name))
	}
	if len(texts) == 0 {
		return "nothing"
	}
	sort.Slice(texts, func(i, j int) bool {
		return strings.SplitN(texts[i], " ", 2)[1] < strings.SplitN(texts[j], " ", 2)[1]
	})
	return strings.Join(texts, ", ")
}

// restoreCommand puts a back-up back. It works beside a running server.
type restoreCommand struct {
	indexFlags
	Replace bool   `help:"Put rows of the back-up in place of those there are, newer ones too. Without it only missing ones are put back."`
	File    string `arg:"" help:"The back-up." type:"existingfile"`
}

// Run puts back what is missing, and notes in the audit that it did.
func (c restoreCommand) Run(ctx context.Context, out io.Writer) (err error) {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	facts, err := index.CheckBackup(file)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	ix, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	changed, err := ix.Restore(ctx, file, c.Replace)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("the back-up of %s put back: %s", facts.At, countsText(changed))
	if err := ix.AddAudit(ctx, earshot.Audit{At: earshot.At(time.Now()), Who: "earshot",
		Action: earshot.AuditUpdate, Target: "index", Reason: what + ", by command line"}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s 的备份已恢复 %s\n", facts.At, what)
	return err
}
