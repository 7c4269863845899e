package files

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"earshot"
)

const (
	retryPause  = time.Second // before a segment that failed is followed by a fresh one
	behindAfter = time.Second // what waits so long for the disk is told in Healthy
	keepBuffer  = 4 << 20     // bytes; a larger buffer is given back after it was written
)

// ErrJournalOpen says that a store has one journal at a time.
var ErrJournalOpen = earshot.Fail(earshot.Conflict, "journal_open", "the journal is open already")

// JournalOptions of a journal; the zero value of each field has a default.
type JournalOptions struct {
	SegmentEvery time.Duration // a segment is followed by another after so long; 30 s
	SyncEvery    int           // one sync every so many commits; 2
	MaxBuffer    int           // bytes that may wait for the disk, beside the states; 32 MiB
}

func (o JournalOptions) withDefaults() JournalOptions {
	if o.SegmentEvery <= 0 {
		o.SegmentEvery = 30 * time.Second
	}
	if o.SyncEvery <= 0 {
		o.SyncEvery = 2
	}
	if o.MaxBuffer <= 0 {
		o.MaxBuffer = 32 << 20
	}
	return o
}

// JournalRecord is one record of the journal.
type JournalRecord struct {
	Kind    uint8
	Call    uint32
	Payload []byte // valid during the callback
}

// Journal makes what open recordings received durable before their files are.
// It is a row of segments; each begins with the states of all open calls, and
// once these and the files they speak of are safe all older ones go.
//
// Begin, Begun, Append, Commit and Due never touch the disk and never wait for
// it: they fill memory, bounded by MaxBuffer, that a goroutine writes. They may
// be called from any goroutine; the order of the records is that of the calls.
type Journal struct {
	store *Store
	opts  JournalOptions
	dir   *os.Root
	found []uint64 // segments that a crash left, in order

	wake     chan struct{} // the writer has work
	dropWake chan struct{} // the dropper has
	stop     chan struct{}
	ended    sync.WaitGroup // writer and dropper

	readDamaged map[uint64]bool // by Read, for SetAside
	now         func() time.Time

	mu      sync.Mutex
	closed  bool
	current *segment // nil before the first Begin
	next    uint64   // number of the next segment
	stating bool     // between Begin and Begun
	used    bool     // something was appended since Begin
	begunAt time.Time
	commits int
	fill    []byte // records of current that nobody committed yet
	filled  uint64 // how many
	spare   []byte
	queue   []chunk // for the writer, oldest first
	queued  int     // bytes in queue and with the writer, states apart
	states  int     // bytes of states there
	since   time.Time
	unsync  bool // something was handed over since the last sync was ordered

	appended uint64 // records, states included
	synced   uint64 // of them, those that are safe or never will be

	trouble error     // why current, or the one before it, is not whole
	retryAt time.Time // when Due asks for a fresh one
	lost    uint64    // records not written since the last whole segment
	skipped uint32    // segments directly before current that were given up

	kept       []uint64 // segments on the disk, oldest first
	dropBefore uint64   // those before this one may go
	dropErr    error    // why they did not
}

// segment is one file of the journal. Its file belongs to the writer, the flags
// to the journal's lock.
type segment struct {
	head   segmentHead
	seed   uint32
	broken bool // takes no more records
	whole  bool // its states are on the disk

	file *os.File
	size int64 // bytes written as whole records
}

// chunk is a run of records of one segment on its way to the disk.
type chunk struct {
	segment *segment
	data    []byte
	records uint64
	sync    bool // sync the segment after it
	begun   bool // it ends with the last of the segment's states
	at      time.Time
	upto    uint64 // how many records had been appended
}

// OpenJournal opens the folder's journal. It finds what a crash left, for Read,
// and writes nothing before Begin. Close it before the store; the store's Close
// does so where that was forgotten.
func (s *Store) OpenJournal(opts JournalOptions) (*Journal, error) {
	j := &Journal{
		store: s, opts: opts.withDefaults(), now: time.Now,
		wake: make(chan struct{}, 1), dropWake: make(chan struct{}, 1), stop: make(chan struct{}),
		readDamaged: make(map[uint64]bool),
	}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return nil, fmt.Errorf("open the journal: %w", ErrClosed)
	case s.journal != nil:
		s.mu.Unlock()
		return nil, ErrJournalOpen
	}
	s.journal = j
	s.mu.Unlock()
	if err := j.open(); err != nil {
		s.dropJournal(j)
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	j.ended.Go(j.writing)
	j.ended.Go(j.dropping)
	return j, nil
}

// open opens the journal's folder and lists its segments.
func (j *Journal) open() error {
	dir := j.store.dir
	err := dir.Mkdir(journalFolder, 0o700)
	if err == nil {
		err = j.store.syncDir(dir, ".")
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if j.dir, err = dir.OpenRoot(journalFolder); err != nil {
		return err
	}
	if j.found, j.next, err = listSegments(j.dir); err != nil {
		return errors.Join(err, j.dir.Close())
	}
	j.kept = append(j.kept, j.found...)
	return nil
}

func (s *Store) dropJournal(j *Journal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == j {
		s.journal = nil
	}
}

// Begin begins a new segment: what is appended until Begun is the states of all
// open calls.
func (j *Journal) Begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.hand(false, false)
	if j.current != nil && j.current.broken {
		j.skipped++
	} else {
		j.skipped = 0
	}
	head := segmentHead{number: j.next, salt: newSalt(), lost: j.lost, skipped: j.skipped}
	j.next++
	j.current = &segment{head: head, seed: head.seed()}
	j.stating, j.used, j.begunAt = true, false, j.now()
	if j.queued+j.states > j.opts.MaxBuffer {
		j.breakOff(j.current, ErrOverflow)
		return
	}
	j.fill = append(j.fill, head.encode()...)
}

// Begun says that the states are complete. Once they are on the disk, and all
// parts' bytes with them, older segments go.
func (j *Journal) Begun() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || !j.stating {
		return
	}
	j.stating = false
	if j.current.broken {
		return
	}
	j.fill = appendRecord(j.fill, j.current.seed, flagBegun, 0, 0, segmentHeadSize, j.current.head.encode())
	j.hand(true, true)
}

// begun says whether recordings are being written down.
func (j *Journal) begun() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.current != nil && !j.closed
}

// Append adds a record; payload, in one or more pieces, is copied. Before the
// first Begin there is nothing to add it to.
func (j *Journal) Append(kind uint8, call uint32, payload ...[]byte) {
	size := 0
	for _, piece := range payload {
		size += len(piece)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.current == nil {
		return
	}
	j.used = true
	j.appended++
	switch {
	case j.current.broken:
		j.lost++
		return
	case size > maxPayload:
		j.lost++
		j.breakOff(j.current, fmt.Errorf("a record of %d bytes is too large for the journal", size))
		return
	case !j.stating && j.queued+len(j.fill)+recordSize(size) > j.opts.MaxBuffer:
		j.lost++
		j.breakOff(j.current, ErrOverflow)
		return
	}
	flags := uint8(0)
	if j.stating {
		flags = flagState
	}
	j.fill = appendRecord(j.fill, j.current.seed, flags, kind, call, size, payload...)
	j.filled++
}

// Commit hands what was appended to the writer, which writes it at once, and
// syncs it every SyncEvery-th time.
func (j *Journal) Commit() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.commits++
	j.hand(j.commits%j.opts.SyncEvery == 0, false)
}

// hand gives what was appended to the writer. The caller holds mu.
func (j *Journal) hand(sync, begun bool) {
	if len(j.fill) == 0 && (!sync || !j.unsync) {
		return
	}
	c := chunk{segment: j.current, data: j.fill, records: j.filled, sync: sync, begun: begun, at: j.now(), upto: j.appended}
	j.queue = append(j.queue, c)
	*j.room(c) += len(c.data)
	j.fill, j.spare, j.filled = j.spare, nil, 0
	j.unsync = !sync
	if j.since.IsZero() {
		j.since = c.at
	}
	wake(j.wake)
}

// Mark is how much has been appended so far, for Safe.
func (j *Journal) Mark() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended
}

// Safe says that nothing appended before the mark waits for the disk: it is on
// it, or could not be written and never will be.
func (j *Journal) Safe(mark uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return mark <= j.synced || j.trouble != nil || j.closed
}

// room is where the bytes of c count. States do so apart: they are as large as
// what recordings have in memory anyway, and where they were refused for their
// size no segment would ever be whole. Begin sees
// to it that they do not pile up.
func (j *Journal) room(c chunk) *int {
	if c.begun {
		return &j.states
	}
	return &j.queued
}

// Due says that it is time to Begin a new segment: there is none, it is old, or
// it could not be written.
func (j *Journal) Due() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed || j.stating:
		return false
	case j.current == nil:
		return true
	case j.current.broken:
		return !j.now().Before(j.retryAt)
	}
	return j.now().Sub(j.begunAt) >= j.opts.SegmentEvery
}

// Healthy is why a crash now would lose more than it should, or why old segments
// are kept: nil if neither is so.
func (j *Journal) Healthy() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch waits := j.now().Sub(j.since); {
	case j.trouble != nil:
		return j.trouble
	case j.dropErr != nil:
		return j.dropErr
	case !j.since.IsZero() && waits > behindAfter:
		return ErrOverflow.Because(fmt.Errorf("the journal waits for the disk since %v", waits.Round(time.Millisecond)))
	}
	return nil
}

// breakOff gives a segment up: it has a hole now. The caller holds mu.
func (j *Journal) breakOff(s *segment, why error) {
	if s.broken {
		return // the first reason is the one that counts
	}
	s.broken = true
	j.trouble = fmt.Errorf("journal segment %d: %w", s.head.number, why)
	j.retryAt = j.now().Add(retryPause)
}

// Close writes and syncs everything and ends the journal's goroutines. Where
// nothing was appended since Begin no call is open, and all segments go.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.hand(true, false)
	j.closed = true
	j.mu.Unlock()
	close(j.stop)
	j.ended.Wait()
	err := j.finish()
	err = errors.Join(err, j.dir.Close())
	j.store.dropJournal(j)
	if err != nil {
		return fmt.Errorf("close the journal: %w", err)
	}
	return nil
}

// finish drops what is not needed any more, after the goroutines have ended.
func (j *Journal) finish() error {
	j.mu.Lock()
	before, trouble := j.dropBefore, j.trouble
	if j.current != nil && j.current.whole && !j.current.broken && !j.used {
		before = j.next
	}
	j.mu.Unlock()
	return errors.Join(trouble, j.dropOlder(before))
}

func newSalt() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// wake wakes a goroutine that is not awake already.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
