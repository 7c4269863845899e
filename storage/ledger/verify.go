package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// FindingCode says what does not fit in a ledger, for machines.
type FindingCode string

// What VerifyAll can find.
const (
	FoundEntryChanged   FindingCode = "entry_changed"   // an entry is not the one that was written there
	FoundEntryMissing   FindingCode = "entry_missing"   // an entry was removed
	FoundEntryAdded     FindingCode = "entry_added"     // an entry was put between others
	FoundEntryMoved     FindingCode = "entry_moved"     // an entry stands where another was
	FoundEntryMalformed FindingCode = "entry_malformed" // a line is no entry
	FoundCut            FindingCode = "cut"             // a head covers more entries than there are
	FoundHashChanged    FindingCode = "hash_changed"    // the hashes file differs from the entries, which fit the heads
	FoundOffsetChanged  FindingCode = "offset_changed"  // the offsets file differs from the entries
	FoundHeadMalformed  FindingCode = "head_malformed"  // text in the heads file that is no head
	FoundHeadSignature  FindingCode = "head_signature"  // a head is not signed by the key of its time
	FoundHeadRoot       FindingCode = "head_root"       // a head speaks of other entries
	FoundHeadOrder      FindingCode = "head_order"      // a head stands before an older one
	FoundNoHead         FindingCode = "no_head"         // entries, but no head at all
	FoundKeyMalformed   FindingCode = "key_malformed"   // an entry brings in no good key
	FoundKeyUnlinked    FindingCode = "key_unlinked"    // the key before did not sign for this one
	FoundKeyFile        FindingCode = "key_file"        // a file in keys is another's
	FoundReceipt        FindingCode = "receipt"         // a head that a witness took, by its receipt here, does not fit
)

// Finding is one thing that does not fit.
type Finding struct {
	Code  FindingCode
	Index int64  // the entry, or of a head its size; -1 where neither says where
	Text  string // in words, with names
}

// Report is what a scan of the whole ledger found.
type Report struct {
	Entries  int64 // read
	Heads    int64 // read
	Keys     []Key
	Head     Head  // the newest
	Torn     int64 // bytes behind the last whole entry: being written, or left by a crash
	Findings []Finding
	More     int64 // findings beyond MaxFindings
}

// MaxFindings bounds a report.
const MaxFindings = 1000

// OK says whether everything holds.
func (r Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) find(code FindingCode, index int64, format string, args ...any) {
	if len(r.Findings) == MaxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{code, index, fmt.Sprintf(format, args...)})
}

// VerifyAll reads the whole ledger from its files: every entry against its hash,
// every hash and head against the entries, every key against the one before.
// progress, which may be nil, is told how many of the entries' bytes are read.
// It works beside a writer. An error means that it could not be done.
//
// It cannot find what was changed everywhere alike: entries, hashes and heads
// cut together, or all written anew with the key. CompareCheckpoint can.
func (l *Ledger) VerifyAll(ctx context.Context, progress func(done, total int64)) (Report, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	v, err := newVerification(l.dir)
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger: %w", err)
	}
	err = v.run(ctx, progress)
	if err := errors.Join(err, v.close()); err != nil {
		return Report{}, fmt.Errorf("verify the ledger: %w", err)
	}
	v.keyFiles(filepath.Join(l.dir, "keys"))
	l.checkReceipts(&v.report)
	return v.report, nil
}

// verification is one scan. The entries that do not fit their hashes are judged
// by the heads: where a head fits the hashes the entries were changed, where it
// fits the entries the hashes were.
type verification struct {
	report Report
	files  []*os.File

	heads   *headScanner
	head    *Head // the next one to check
	entries *lines
	total   int64 // bytes of entries
	hashes  *bufio.Reader
	offsets *bufio.Reader

	tree   frontier  // over the entries
	kept   *frontier // over the hashes kept of them, once they differ
	keys   keyring
	moved  misfits
	offset bool // the offsets file is known to be wrong
	off    bool // the last head did not fit
	ended  bool // no entries are left: tree grows over kept hashes alone
}

// newVerification takes the lengths of the files in the order in which a writer
// comes to them last: what is behind in one is not missed in another.
func newVerification(dir string) (*verification, error) {
	v := &verification{}
	var readers [4]*io.SectionReader
	for i, name := range []string{"heads", "hashes", "offsets", "entries"} {
		f, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) && name != "entries" {
			f, err = os.Open(os.DevNull)
		}
		if err != nil {
			return nil, errors.Join(err, v.close())
		}
		v.files = append(v.files, f)
		size, err := fileSize(f)
		if err != nil {
			return nil, errors.Join(err, v.close())
		}
		readers[i], v.total = io.NewSectionReader(f, 0, size), size
	}
	v.heads = &headScanner{r: readers[0]}
	v.hashes = bufio.NewReaderSize(readers[1], 1<<18)
	v.offsets = bufio.NewReaderSize(readers[2], 1<<16)
	v.entries = newLines(readers[3], 0)
	return v, nil
}

func (v *verification) close() error {
	var errs []error
	for _, f := range v.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (v *verification) run(ctx context.Context, progress func(done, total int64)) error {
	v.nextHead()
	for {
		if v.tree.size%4096 == 0 {
			progress(v.entries.end, v.total)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		line, err := v.entries.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := v.take(line); err != nil {
			return err
		}
		if err := v.checkHeads(); err != nil {
			return err
		}
	}
	v.report.Entries, v.report.Torn = v.tree.size, v.total-v.entries.end
	if err := v.finish(); err != nil {
		return err
	}
	progress(v.total, v.total)
	return nil
}

// take adds one line and compares what is kept of it.
func (v *verification) take(line []byte) error {
	i, leaf := v.tree.size, tlog.RecordHash(line)
	kept := v.readKept(i)
	if e, err := ParseEntry(line); err != nil {
		if len(kept) == 0 || kept[0] == leaf {
			v.report.find(FoundEntryMalformed, i, "entry %d is no entry: %v", i, errors.Unwrap(err))
		}
	} else if e.Kind == KindKey {
		v.addKey(i, e)
	}
	if !v.offset && v.readOffset() != v.entries.end {
		v.report.find(FoundOffsetChanged, i, "the offsets file does not say where entry %d ends", i)
		v.offset = true
	}
	if len(kept) > 0 && kept[0] != leaf && v.kept == nil {
		before := v.tree
		v.kept = &before
	}
	switch {
	case v.kept != nil:
		if err := v.takeKept(i, leaf, kept); err != nil {
			return err
		}
	case len(kept) == 0 && len(v.moved.places) > 0:
		v.moved.added(i, leaf)
	}
	grown, err := v.tree.add(leaf)
	if err != nil {
		return err
	}
	if v.kept == nil && len(kept) > 0 {
		v.compare(i, grown, kept)
	}
	return nil
}

// takeKept grows the tree over the kept hashes beside that over the entries.
func (v *verification) takeKept(i int64, leaf tlog.Hash, kept []tlog.Hash) error {
	if len(kept) == 0 {
		v.moved.added(i, leaf)
		kept = []tlog.Hash{leaf}
	} else if kept[0] != leaf {
		v.moved.add(i, leaf, kept[0])
	}
	_, err := v.kept.add(kept[0])
	return err
}

// compare looks at the hashes of inner nodes.
func (v *verification) compare(i int64, grown, kept []tlog.Hash) {
	for level := 1; level < len(grown) && level < len(kept); level++ {
		if grown[level] != kept[level] {
			v.report.find(FoundHashChanged, i, "the hashes file differs at level %d of entry %d", level, i)
		}
	}
}

// readKept reads the hashes that were stored with entry i; none at the end.
func (v *verification) readKept(i int64) []tlog.Hash {
	hashes := make([]tlog.Hash, 1+bits.TrailingZeros64(uint64(i+1)))
	for n := range hashes {
		if _, err := io.ReadFull(v.hashes, hashes[n][:]); err != nil {
			return hashes[:n]
		}
	}
	if hashes[0] == (tlog.Hash{}) { // never written
		return nil
	}
	return hashes
}

// readOffset is where the next entry ends by the offsets file; behind its end,
// where the entry ends.
func (v *verification) readOffset() int64 {
	var b [offsetBytes]byte
	if _, err := io.ReadFull(v.offsets, b[:]); err != nil {
		return v.entries.end
	}
	return int64(be64(b))
}

func (v *verification) addKey(i int64, e Entry) {
	if err := v.keys.add(i, e); err != nil {
		v.report.find(FoundKeyMalformed, i, "entry %d brings in no good key: %v", i, errors.Unwrap(err))
		return
	}
	if key := v.keys[len(v.keys)-1]; !key.Linked {
		v.report.find(FoundKeyUnlinked, i, "the key of entry %d (%s) is not signed for by the key before it", i, key.Fingerprint)
	}
}
