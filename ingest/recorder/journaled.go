package recorder

import (
	"time"

	"earshot"
)

// Journal takes records. It neither waits for the disk nor fails.
type Journal interface {
	Append(kind uint8, call uint32, payload ...[]byte)
}

// Journaled is a Recording that is told nothing which is not in the journal
// first. What it read of the clock is in the records: replayed, they make the
// same files.
type Journaled struct {
	*Recording
	journal Journal
	n       uint32 // the call's number in the journal
	records uint16
	pen     pen
	pieces  [2][]byte // so that a packet allocates nothing
	done    bool
}

// NewJournaled begins the recording of a call, which has the number n in the
// journal and shares it with no other that is there.
func NewJournaled(call *earshot.Call, files Files, opts Options, journal Journal, n uint32) *Journaled {
	j := &Journaled{journal: journal, n: n}
	j.Recording = New(call, &noting{Files: files, note: j.taken}, opts)
	j.write(recordBorn, j.AppendState(nil))
	return j
}

// Unwrap is the recording itself, for who looks and does not tell.
func (j *Journaled) Unwrap() *Recording { return j.Recording }

// note writes the record that the pen holds, with what follows it.
func (j *Journaled) note(kind uint8, rest []byte) {
	j.pieces = [2][]byte{j.pen.b, rest}
	j.journal.Append(kind, j.n, j.pieces[:]...)
	j.pieces = [2][]byte{}
	j.records++
}

func (j *Journaled) begin() *pen {
	j.pen.begin(j.records)
	return &j.pen
}

func (j *Journaled) write(kind uint8, rest []byte) {
	j.begin()
	j.note(kind, rest)
}

// at writes a record of an instant.
func (j *Journaled) at(kind uint8, at time.Time) {
	j.begin().time(at)
	j.note(kind, nil)
}

// WriteState appends all of the recording to the journal, at the beginning of a
// segment. WriteName is to follow once all states are written.
func (j *Journaled) WriteState() {
	j.begin()
	j.pieces = [2][]byte{j.pen.b, j.AppendState(nil)}
	j.journal.Append(recordState, j.n, j.pieces[:]...) // no event of its own: it has no number
	j.pieces = [2][]byte{}
}

// WriteName says whose number this is, should the state be damaged.
func (j *Journaled) WriteName() {
	j.FreshMeters()
	j.write(recordName, []byte(j.call.ID))
}

// Done says that the call is stored, with all its files: a crash need not bring
// it back.
func (j *Journaled) Done() {
	if j.done {
		return
	}
	j.done = true
	WriteDone(j.journal, j.n)
}

// WriteDone says that the call with that number is stored.
func WriteDone(journal Journal, n uint32) { journal.Append(recordDone, n) }

// taken notes that a name was not to be had.
func (j *Journaled) taken(name string) { j.write(recordTaken, []byte(name)) }

// Open, and all that follows, is Recording's, behind its record.
func (j *Journaled) Open(at time.Time, tracks []Track) error {
	p := j.begin()
	p.time(at)
	p.byte(byte(len(tracks)))
	for _, t := range tracks {
		p.track(t)
	}
	j.note(recordOpen, nil)
	return j.Recording.Open(at, tracks)
}

func (j *Journaled) Packet(p Packet) error {
	j.begin().packet(&p)
	j.note(recordPacket, p.Payload)
	return j.Recording.Packet(p)
}

func (j *Journaled) Close(at time.Time, side earshot.Side) {
	p := j.begin()
	p.time(at)
	p.side(side)
	j.note(recordClose, nil)
	j.Recording.Close(at, side)
}

func (j *Journaled) Overflow(at time.Time, side earshot.Side, lost int) {
	p := j.begin()
	p.time(at)
	p.side(side)
	p.u32(uint32(max(0, lost)))
	j.note(recordOver, nil)
	j.Recording.Overflow(at, side, lost)
}

func (j *Journaled) SenderReport(side earshot.Side, ssrc uint32, ntp time.Time, timestamp uint32) {
	p := j.begin()
	p.time(ntp)
	p.side(side)
	p.u32(ssrc)
	p.u32(timestamp)
	j.note(recordReport, nil)
	j.Recording.SenderReport(side, ssrc, ntp, timestamp)
}

func (j *Journaled) Pause(at time.Time) {
	j.at(recordPause, at)
	j.Recording.Pause(at)
}

func (j *Journaled) Resume(at time.Time) {
	j.at(recordResume, at)
	j.Recording.Resume(at)
}

func (j *Journaled) Advance(at time.Time) error {
	j.at(recordAdvance, at)
	return j.Recording.Advance(at)
}

func (j *Journaled) End(at time.Time) error {
	j.at(recordEnd, at)
	return j.Recording.End(at)
}

// Facts are written as they are then: what changed them is nothing to write down.
func (j *Journaled) Facts(change func(*earshot.Call)) {
	j.Recording.Facts(change)
	j.write(recordFacts, j.facts())
}

// noting tells of names that were not to be had: a replay must not take the
// files for the call's own.
type noting struct {
	Files
	note func(name string)
}

func (n *noting) Create(name string) (File, error) {
	file, err := n.Files.Create(name)
	if taken(err) {
		n.note(name)
	}
	return file, err
}
