package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"earshot"
)

// loading takes a store up again: it trusts offsets and hashes up to the newest
// head, whose root they must give, and reads the entries behind it.
type loading struct {
	*store
	head Head  // the newest; zero if there is none
	from int64 // entries below are known by offsets and hashes

	stored  int64 // hashes in the file
	offsets []byte
	hashes  []byte
	keys    []int64 // entries read that bring in keys
}

// load reads what there is. It fails with ErrDamaged, ErrCut or ErrHead where
// something does not fit; then the store is as far as it fitted.
func (l *loading) load(from int64) error {
	if err := l.begin(from); err != nil {
		return err
	}
	err := l.scan()
	l.size.Store(l.tree.size)
	l.extraOffsets = tail{l.from * offsetBytes, l.offsets}
	l.extraHashes = tail{tlog.StoredHashCount(l.from) * hashBytes, l.hashes}
	return err
}

// begin finds where reading must begin: at from, or at the start of the log where
// the files made from the entries do not reach so far.
func (l *loading) begin(from int64) error {
	known, err := fileSize(l.store.offsets)
	if err != nil {
		return err
	}
	stored, err := fileSize(l.store.hashes)
	if err != nil {
		return err
	}
	l.stored = stored / hashBytes
	l.from = from
	if known/offsetBytes < l.from || l.stored < tlog.StoredHashCount(l.from) || !l.lineEnds(l.from-1) {
		l.from = 0
	}
	if l.tree, err = loadFrontier(l.from, l.store); err != nil {
		return err
	}
	l.end, err = l.endOf(l.from - 1)
	return err
}

// lineEnds says whether the entries file has the end of entry i where the
// offsets say.
func (l *loading) lineEnds(i int64) bool {
	if i < 0 {
		return true
	}
	end, err := l.endOf(i)
	var b [1]byte
	if err != nil || end < 1 {
		return false
	}
	_, err = l.entries.ReadAt(b[:], end-1)
	return err == nil && b[0] == '\n'
}

func (l *loading) scan() error {
	lines := newLines(io.NewSectionReader(l.entries, l.end, 1<<62), l.end)
	for {
		if err := l.checkHead(); err != nil {
			return err
		}
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return l.checkEnd()
		}
		if err != nil {
			return fmt.Errorf("read the ledger's entries: %w", err)
		}
		e, err := ParseEntry(line)
		if err != nil {
			return l.checkTorn(err)
		}
		if e.Kind == KindKey {
			l.keys = append(l.keys, l.tree.size)
		}
		if err := l.take(line); err != nil {
			return err
		}
		l.end = lines.end
	}
}

// take adds a whole line, which must fit the hash kept of it, if one is.
func (l *loading) take(line []byte) error {
	i, leaf := l.tree.size, tlog.RecordHash(line)
	if kept, ok := l.kept(i); ok && kept != leaf {
		return damaged(i, nil)
	}
	grown, err := l.tree.add(leaf)
	if err != nil {
		return err
	}
	for _, h := range grown {
		l.hashes = append(l.hashes, h[:]...)
	}
	l.offsets = binary.BigEndian.AppendUint64(l.offsets, uint64(l.end)+uint64(len(line))+1)
	return nil
}

// kept is the hash that the file has of entry i. One of zeros was never written.
func (l *loading) kept(i int64) (tlog.Hash, bool) {
	index := tlog.StoredHashIndex(0, i)
	if index >= l.stored {
		return tlog.Hash{}, false
	}
	var h tlog.Hash
	_, err := l.store.hashes.ReadAt(h[:], index*hashBytes)
	return h, err == nil && h != tlog.Hash{}
}

func (l *loading) checkHead() error {
	if l.head.Size == 0 || l.tree.size != l.head.Size {
		return nil
	}
	root, err := l.tree.root()
	if err != nil {
		return err
	}
	if root != l.head.Root {
		return earshot.Fail(ErrHead.Kind, ErrHead.Code,
			"the head signed at %s does not fit the first %d entries of the ledger", l.head.At, l.head.Size)
	}
	return nil
}

// checkTorn judges a line that is no entry: behind the newest head, and without
// a hash kept of it, it is what a crash left.
func (l *loading) checkTorn(why error) error {
	i := l.tree.size
	if _, known := l.kept(i); known || i < l.head.Size {
		return damaged(i, why)
	}
	return nil
}

func (l *loading) checkEnd() error {
	i := l.tree.size
	if _, known := l.kept(i); known || i < l.head.Size {
		return earshot.Fail(ErrCut.Kind, ErrCut.Code, "the ledger ends after %d entries, but there were more", i)
	}
	return nil
}

// mend makes the files what was read: the torn end goes to a file of its own,
// offsets and hashes are completed. Only a writer may.
func (l *loading) mend(dir string, now time.Time) (torn int64, err error) {
	size, err := fileSize(l.entries)
	if err != nil {
		return 0, err
	}
	if torn = size - l.end; torn > 0 {
		if err := l.setAside(dir, now, torn); err != nil {
			return 0, err
		}
	}
	if _, err := l.store.offsets.WriteAt(l.offsets, l.from*offsetBytes); err != nil {
		return torn, err
	}
	if _, err := l.store.hashes.WriteAt(l.hashes, tlog.StoredHashCount(l.from)*hashBytes); err != nil {
		return torn, err
	}
	l.extraOffsets, l.extraHashes = tail{}, tail{}
	if err := l.cut(); err != nil {
		return torn, err
	}
	return torn, errors.Join(l.entries.Sync(), l.sync())
}

// setAside keeps the torn end for people before it is cut off.
func (l *loading) setAside(dir string, now time.Time, torn int64) error {
	folder := filepath.Join(dir, "torn")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	name := filepath.Join(folder, strconv.FormatInt(now.UnixMilli(), 10)+"-"+strconv.FormatInt(l.tree.size, 10))
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(l.entries, l.end, torn))
	return errors.Join(err, to.Close())
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
