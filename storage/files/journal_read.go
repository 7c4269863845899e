package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// JournalDamage is a stretch of the journal that holds no whole record.
type JournalDamage struct {
	File     string // its name in the journal's folder
	From, To int64  // bytes
	Tail     bool   // the torn end of the last segment: every crash leaves one
	Why      string
}

// Read gives what a crash left: first the states of the oldest segment, then
// all records after them, in order; the states that later segments begin with
// are left out. Damaged stretches are skipped by finding the next whole record,
// and told by damaged in their place. It fails only with what each and damaged
// return. Call it before the first Begin.
func (j *Journal) Read(each func(JournalRecord) error, damaged func(JournalDamage) error) error {
	r := journalReading{journal: j, each: each, damaged: damaged}
	for i, number := range j.found {
		if err := r.segment(number, i == len(j.found)-1); err != nil {
			return err
		}
	}
	return nil
}

// journalReading is one Read under way.
type journalReading struct {
	journal *Journal
	each    func(JournalRecord) error
	damaged func(JournalDamage) error
	before  uint64 // number of the segment before, 0 for the first
	states  bool   // some segment's states have been given
}

func (r *journalReading) segment(number uint64, last bool) error {
	file, err := r.journal.dir.Open(segmentName(number))
	if err != nil {
		return r.tell(number, JournalDamage{Why: fmt.Sprintf("cannot be opened: %v", err)})
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return r.tell(number, JournalDamage{Why: fmt.Sprintf("cannot be read: %v", err)})
	}
	if err := r.between(file, info.Size(), number); err != nil {
		return err
	}
	r.before = number
	given, wanted := false, !r.states
	scan := segmentScan{
		number: number,
		window: window{file: file, size: info.Size()},
		each: func(flags uint8, record JournalRecord) error {
			given = true
			if flags&flagBegun != 0 || flags&flagState != 0 && !wanted {
				return nil
			}
			return r.each(record)
		},
		damaged: func(from, to int64, why string) error {
			tail := last && to == info.Size()
			return r.tell(number, JournalDamage{From: from, To: to, Tail: tail, Why: why})
		},
	}
	_, _, err = scan.run()
	// A segment without one whole record does not count: the next one's states
	// are all there is.
	r.states = r.states || given
	return err
}

// between tells of records that are missing between two segments.
func (r *journalReading) between(file io.ReaderAt, size int64, number uint64) error {
	if r.before == 0 {
		return nil
	}
	w := window{file: file, size: size}
	head, ok := decodeSegmentHead(w.bytes(0, segmentHeadSize), number)
	if missing := number - r.before - 1; missing > 0 && (!ok || missing > uint64(head.skipped)) {
		damage := JournalDamage{Why: fmt.Sprintf("%d segments before it are missing", missing)}
		damage.File = segmentName(number)
		return r.damaged(damage)
	}
	if ok && head.lost > 0 {
		damage := JournalDamage{Why: fmt.Sprintf("%d records before it could not be written", head.lost)}
		damage.File = segmentName(number)
		return r.damaged(damage)
	}
	return nil
}

func (r *journalReading) tell(number uint64, damage JournalDamage) error {
	damage.File = segmentName(number)
	if !damage.Tail {
		r.journal.readDamaged[number] = true
	}
	return r.damaged(damage)
}

// SetAside keeps the segments in which Read met damage that was no torn tail,
// under a .damaged name, for people. The segments themselves stay until newer
// ones are safe.
func (j *Journal) SetAside() error { return j.setAside(slices.Collect(maps.Keys(j.readDamaged))) }

// SetAsideAll is SetAside for every segment that a crash left: for one who could
// not make of them what they should tell, though they are whole.
func (j *Journal) SetAsideAll() error { return j.setAside(j.found) }

func (j *Journal) setAside(numbers []uint64) error {
	var errs []error
	for _, number := range numbers {
		name := segmentName(number)
		err := j.dir.Link(name, name+damagedSuffix)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			err = copyFile(j.dir, name, name+damagedSuffix)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			errs = append(errs, fmt.Errorf("set journal segment %d aside: %w", number, err))
		}
	}
	if len(numbers) > 0 {
		errs = append(errs, j.store.syncDir(j.dir, "."))
	}
	return errors.Join(errs...)
}

// copyFile serves file systems without hard links.
func copyFile(dir *os.Root, from, to string) error {
	in, err := dir.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := dir.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
