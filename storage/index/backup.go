package index

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// backupVersion is that of the back-up's format: JSON lines under gzip. The first
// line is a backupHead, each further one a backupLine, the last a backupEnd.
const backupVersion = 1

type backupHead struct {
	Format   string       `json:"format"` // backupFormat
	Version  int          `json:"version"`
	Software string       `json:"software"`
	At       earshot.Time `json:"at"`
}

const backupFormat = "earshot-backup"

// backupLine is a row of a table, by its columns.
type backupLine struct {
	Table string `json:"table"`
	Row   any    `json:"row"`
}

// backupEnd is the last line. A file without it is torn.
type backupEnd struct {
	Rows   int    `json:"rows"`
	SHA256 string `json:"sha256"` // of all lines before, with their newlines
}

// Backup writes to w what no file could give back: people, seats with the hashes
// of their tokens, branches, policies, audit, packages' records, and what was
// announced and seen. It sees one state of all tables, also beside a running
// server, and answers how many rows there are of each.
func (ix *Index) Backup(ctx context.Context, w io.Writer, software string, now time.Time) (map[string]int, error) {
	b := backup{sum: sha256.New(), rows: map[string]int{}}
	zip := gzip.NewWriter(w)
	b.out = io.MultiWriter(zip, b.sum)
	if err := b.line(backupHead{backupFormat, backupVersion, software, earshot.At(now)}); err != nil {
		return nil, err
	}
	err := ix.read.RunInTx(ctx, snapshot, func(ctx context.Context, tx bun.Tx) error {
		for _, t := range backupTables() {
			err := t.dump(ctx, ix, tx, func(row any) error {
				b.rows[t.name()]++
				b.all++
				if err := b.line(backupLine{t.name(), row}); err != nil {
					return outside{err}
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("back up %s: %w", t.name(), err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, failed("back up the index", err)
	}
	if err := b.line(backupEnd{b.all, hex.EncodeToString(b.sum.Sum(nil))}); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("write the back-up: %w", err)
	}
	return b.rows, nil
}

// backup is one that is being written.
type backup struct {
	out  io.Writer
	sum  hash.Hash
	rows map[string]int
	all  int
}

func (b *backup) line(what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("write the back-up: %w", err)
	}
	if _, err := b.out.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write the back-up: %w", err)
	}
	return nil
}
