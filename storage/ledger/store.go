package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"earshot"
)

// store is the entries with where each ends and the tree over them. One
// goroutine at a time may append; what lies below size may be read by any.
type store struct {
	entries, offsets, hashes *os.File

	size atomic.Int64 // entries

	// Of the writer.
	end  int64 // of the newest entry in the entries file
	tree frontier

	// What the files of offsets and hashes lack at their end, where they may not
	// be written: only a read-only store has it.
	extraOffsets, extraHashes tail
}

// tail continues a file in memory.
type tail struct {
	from  int64 // in bytes, where it begins
	bytes []byte
}

// readAt fills p from the file, and beyond from with what continues it.
func (t tail) readAt(f *os.File, p []byte, at int64) error {
	if t.bytes == nil || at < t.from {
		_, err := f.ReadAt(p, at)
		return err
	}
	at -= t.from
	if at+int64(len(p)) > int64(len(t.bytes)) {
		return io.ErrUnexpectedEOF
	}
	copy(p, t.bytes[at:])
	return nil
}

const offsetBytes = 8

// endOf is where entry i ends in the entries file; 0 for entry -1.
func (s *store) endOf(i int64) (int64, error) {
	if i < 0 {
		return 0, nil
	}
	var b [offsetBytes]byte
	if err := s.extraOffsets.readAt(s.offsets, b[:], i*offsetBytes); err != nil {
		return 0, fmt.Errorf("read where entry %d ends: %w", i, err)
	}
	return int64(binary.BigEndian.Uint64(b[:])), nil
}

// ReadHashes makes the store a tlog.HashReader.
func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if err := s.extraHashes.readAt(s.hashes, hashes[i][:], index*hashBytes); err != nil {
			return nil, fmt.Errorf("read hash %d of the tree: %w", index, err)
		}
	}
	return hashes, nil
}

// leaf is the hash kept of entry i.
func (s *store) leaf(i int64) (tlog.Hash, error) {
	hashes, err := s.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return hashes[0], nil
}

// line is entry i's text without its newline. It fails with ErrNoEntry, and
// with ErrDamaged where the text does not fit its hash.
func (s *store) line(i int64) ([]byte, error) {
	if i < 0 || i >= s.size.Load() {
		return nil, ErrNoEntry
	}
	from, err := s.endOf(i - 1)
	if err != nil {
		return nil, err
	}
	to, err := s.endOf(i)
	if err != nil {
		return nil, err
	}
	if to <= from || to-from > MaxEntry+1 {
		return nil, damaged(i, errors.New("the offsets file does not say where it lies"))
	}
	line := make([]byte, to-from)
	if _, err := s.entries.ReadAt(line, from); err != nil {
		return nil, damaged(i, err)
	}
	leaf, err := s.leaf(i)
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if tlog.RecordHash(line) != leaf {
		return nil, damaged(i, nil)
	}
	return line, nil
}

func damaged(i int64, why error) error {
	return earshot.Fail(ErrDamaged.Kind, ErrDamaged.Code, "entry %d of the ledger does not fit its hash", i).Because(why)
}

// append adds lines and makes them durable, all or none.
func (s *store) append(batch [][]byte) error {
	tree := s.tree
	var text, offsets, hashes []byte
	for _, line := range batch {
		text = append(append(text, line...), '\n')
		offsets = binary.BigEndian.AppendUint64(offsets, uint64(s.end)+uint64(len(text)))
		grown, err := tree.add(tlog.RecordHash(line))
		if err != nil {
			return err
		}
		for _, h := range grown {
			hashes = append(hashes, h[:]...)
		}
	}
	if err := s.write(text, offsets, hashes); err != nil {
		return errors.Join(err, s.cut())
	}
	s.end += int64(len(text))
	s.tree = tree
	s.size.Store(tree.size)
	return nil
}

// write puts the text first: a hash on the disk says that its entry was durable.
func (s *store) write(text, offsets, hashes []byte) error {
	if _, err := s.entries.WriteAt(text, s.end); err != nil {
		return fmt.Errorf("write the ledger's entries: %w", err)
	}
	if err := unix.Fdatasync(int(s.entries.Fd())); err != nil {
		return fmt.Errorf("sync the ledger's entries: %w", err)
	}
	if _, err := s.hashes.WriteAt(hashes, tlog.StoredHashCount(s.tree.size)*hashBytes); err != nil {
		return fmt.Errorf("write the ledger's hashes: %w", err)
	}
	if _, err := s.offsets.WriteAt(offsets, s.tree.size*offsetBytes); err != nil {
		return fmt.Errorf("write the ledger's offsets: %w", err)
	}
	return nil
}

// cut takes back what a failed append may have written; hashes first, for the
// reason that they are written last.
func (s *store) cut() error {
	return errors.Join(
		s.hashes.Truncate(tlog.StoredHashCount(s.tree.size)*hashBytes),
		s.offsets.Truncate(s.tree.size*offsetBytes),
		s.entries.Truncate(s.end))
}

// sync makes offsets and hashes durable, before a head relies on them.
func (s *store) sync() error {
	return errors.Join(unix.Fdatasync(int(s.hashes.Fd())), unix.Fdatasync(int(s.offsets.Fd())))
}

func (s *store) close() error {
	var errs []error
	for _, f := range []*os.File{s.entries, s.offsets, s.hashes} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// openStore opens the three files; read-only, a derived one may be missing.
func openStore(dir string, readOnly bool) (*store, error) {
	s := &store{}
	for _, f := range []struct {
		to   **os.File
		name string
	}{{&s.entries, "entries"}, {&s.offsets, "offsets"}, {&s.hashes, "hashes"}} {
		flags := os.O_RDWR | os.O_CREATE
		if readOnly {
			flags = os.O_RDONLY
		}
		file, err := os.OpenFile(filepath.Join(dir, f.name), flags, 0o600)
		if readOnly && errors.Is(err, os.ErrNotExist) {
			if f.to == &s.entries {
				return nil, ErrNoLedger.Because(err)
			}
			file, err = os.Open(os.DevNull)
		}
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		*f.to = file
	}
	return s, nil
}

// lock keeps other processes from writing; the kernel gives it back when this
// one ends.
func (s *store) lock() error {
	err := unix.Flock(int(s.entries.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
