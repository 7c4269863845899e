package index

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/uptrace/bun"

	"earshot"
)

// Failures of reading a back-up that callers tell apart.
var (
	ErrBackup      = earshot.Fail(earshot.Invalid, "bad_backup", "that is no whole back-up")
	ErrBackupNewer = earshot.Fail(earshot.Unsupported, "backup_newer", "the back-up was made by a newer earshot")
)

func badBackup(format string, args ...any) error {
	return ErrBackup.Because(fmt.Errorf(format, args...))
}

// Bounds of reading a back-up.
const (
	longestBackupLine = 16 << 20 // bytes
	restoreAtOnce     = 500      // rows of one transaction
)

// BackupFacts is what a back-up says of itself.
type BackupFacts struct {
	At       earshot.Time
	Software string
	Rows     map[string]int // by table
}

// CheckBackup reads a back-up to its end and answers what it is; ErrBackup where
// it is none, is torn or was altered, ErrBackupNewer.
func CheckBackup(r io.Reader) (BackupFacts, error) {
	facts := BackupFacts{Rows: map[string]int{}}
	known := map[string]bool{}
	for _, t := range backupTables() {
		known[t.name()] = true
	}
	head, err := readBackup(r, func(table string, _ json.RawMessage) error {
		if !known[table] {
			return ErrBackupNewer.Because(fmt.Errorf("it has a table %q", table))
		}
		facts.Rows[table]++
		return nil
	})
	facts.At, facts.Software = head.At, head.Software
	return facts, err
}

// readBackup hands every row to each; that they are whole is known only when it
// returns.
func readBackup(r io.Reader, each func(table string, row json.RawMessage) error) (head backupHead, err error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return head, badBackup("not in gzip: %w", err)
	}
	b := backupReader{lines: bufio.NewReaderSize(zip, 64<<10), sum: sha256.New()}
	text, err := b.next()
	if err != nil {
		return head, err
	}
	if json.Unmarshal(text, &head) != nil || head.Format != backupFormat {
		return head, badBackup("it does not begin as one")
	}
	if head.Version > backupVersion {
		return head, ErrBackupNewer.Because(fmt.Errorf("its format is %d", head.Version))
	}
	for rows := 0; ; rows++ {
		sum := hex.EncodeToString(b.sum.Sum(nil))
		text, err := b.next()
		if err != nil {
			return head, err
		}
		var line struct {
			Table  string          `json:"table"`
			Row    json.RawMessage `json:"row"`
			Rows   *int            `json:"rows"`
			SHA256 string          `json:"sha256"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return head, badBackup("a line is no JSON")
		}
		if line.Rows == nil {
			if err := each(line.Table, line.Row); err != nil {
				return head, err
			}
			continue
		}
		if *line.Rows != rows || line.SHA256 != sum {
			return head, badBackup("its last line does not fit what is before")
		}
		return head, b.end()
	}
}

// backupReader reads lines and sums them.
type backupReader struct {
	lines *bufio.Reader
	sum   hash.Hash
	long  []byte
}

// next is the next line; it is valid until the one after.
func (b *backupReader) next() ([]byte, error) {
	b.long = b.long[:0]
	for {
		piece, err := b.lines.ReadSlice('\n')
		b.sum.Write(piece)
		b.long = append(b.long, piece...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(b.long, []byte("\n")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, badBackup("it is torn: %w", err)
		case len(b.long) > longestBackupLine:
			return nil, badBackup("a line is too long")
		}
	}
}

// end fails where something follows.
func (b *backupReader) end() error {
	_, err := b.lines.ReadByte()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return badBackup("something follows its end")
}

// Restore puts back the rows of a back-up that are missing; with replace it puts
// them all back, in place of newer ones. Audit rows are only added either way. It
// answers how many rows of each table were added or changed. The file is read
// twice: nothing is put back of one that is not whole. ErrBackup, ErrBackupNewer,
// `branch_circle`.
func (ix *Index) Restore(ctx context.Context, file io.ReadSeeker, replace bool) (map[string]int, error) {
	if _, err := CheckBackup(file); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the back-up again: %w", err)
	}
	r := restorer{ix: ix, ctx: ctx, replace: replace, tables: map[string]backedUp{}, seats: map[string]bool{}, changed: map[string]int{}}
	for _, t := range backupTables() {
		r.tables[t.name()] = t
	}
	if _, err := readBackup(file, r.row); err != nil {
		return r.changed, err
	}
	return r.changed, r.flush()
}

// restorer collects rows and puts them back by the hundred, so that a server
// beside it is not kept waiting.
type restorer struct {
	ix      *Index
	ctx     context.Context // of the one call to Restore that it lives in
	replace bool
	tables  map[string]backedUp
	seats   map[string]bool // whose tokens are put back, of those that were met
	changed map[string]int

	table string
	rows  []json.RawMessage
}

func (r *restorer) row(table string, row json.RawMessage) error {
	if table != r.table || len(r.rows) == restoreAtOnce {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.tables[table] == nil {
		return ErrBackupNewer.Because(fmt.Errorf("it has a table %q", table))
	}
	r.table = table
	r.rows = append(r.rows, bytes.Clone(row))
	return nil
}

func (r *restorer) flush() error {
	if len(r.rows) == 0 {
		return nil
	}
	rows := r.rows
	r.rows = nil
	changed := 0
	err := r.ix.change(r.ctx, synced, "put a back-up back", func(tx bun.Tx) (err error) {
		changed, err = r.tables[r.table].restore(r.ctx, tx, rows, r)
		return err
	})
	if err == nil {
		r.changed[r.table] += changed
	}
	return err
}
