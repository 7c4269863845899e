package recorder

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"earshot"
)

// Stats counts what became of packets, for metrics.
type Stats struct {
	Packets   uint64 // with audio, in a file
	Lost      uint64 // sequence numbers given up
	Late      uint64 // came when their time was over
	Duplicate uint64 // came again while the first one waited
	Garbage   uint64 // not of the codec, or of an absurd time
	Stray     uint64 // of no track, or of a source that made no sense
	Overflow  uint64 // thrown away before they came here
}

// Add counts what other counted too.
func (s *Stats) Add(other Stats) {
	s.Packets += other.Packets
	s.Lost += other.Lost
	s.Late += other.Late
	s.Duplicate += other.Duplicate
	s.Garbage += other.Garbage
	s.Stray += other.Stray
	s.Overflow += other.Overflow
}

// desk is what all takes and parts of a recording share.
type desk struct {
	call, seat, software string
	epoch                time.Time // the call's start
	files                Files
	wait                 int64
	gaps                 gapList
	stats                Stats
	parts                int     // how many have a file, those of before included
	done                 []*part // finished, sealed or being sealed
	results              *results
	sealedPart           func(n int, p earshot.Part, err error)
}

// at is t on the call's timeline.
func (d *desk) at(t time.Time) int64 { return samples(t.Sub(d.epoch)) }

// results are what sealing reported, from other goroutines.
type results struct {
	mu      sync.Mutex
	sealed  map[int]Sealed
	sealing sync.WaitGroup // a part each that is being sealed
}

func (r *results) get(n int) (Sealed, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sealed[n]
	return s, ok
}

func (r *results) put(n int, s Sealed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealed[n] = s
}

// fill writes into the parts what is known of their complete files.
func (r *results) fill(parts []earshot.Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range parts {
		if s, ok := r.sealed[parts[i].N]; ok {
			parts[i].SHA256, parts[i].Bytes = s.SHA256, s.Bytes
		}
	}
}

// sealing waits for a part's two files.
type sealing struct {
	mu   sync.Mutex
	left int
	part earshot.Part
	errs []error
	done func(earshot.Part, error)
}

func (s *sealing) one(err error, fill func(*earshot.Part)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errs = append(s.errs, err)
	} else if fill != nil {
		fill(&s.part)
	}
	if s.left--; s.left == 0 {
		s.done(s.part, errors.Join(s.errs...))
	}
}

// seal completes a part's file and the levels beside it. Its results are told
// once both are done.
func (d *desk) seal(p *part, failed error) {
	results, told := d.results, d.sealedPart
	results.sealing.Add(1)
	s := &sealing{left: 2, part: p.facts, done: func(facts earshot.Part, err error) {
		defer results.sealing.Done()
		if told != nil {
			told(facts.N, facts, err)
		}
	}}
	steps, err := p.endLevels()
	if failed != nil {
		s.errs = append(s.errs, failed)
	}
	p.file.Seal(func(sealed Sealed, err error) {
		if err != nil {
			err = fmt.Errorf("seal %s: %w", p.facts.File, err)
		} else {
			results.put(p.facts.N, sealed)
		}
		s.one(err, func(facts *earshot.Part) { facts.SHA256, facts.Bytes = sealed.SHA256, sealed.Bytes })
	})
	if steps == nil {
		s.one(err, nil)
		return
	}
	steps.Seal(func(_ Sealed, err error) {
		if err != nil {
			err = fmt.Errorf("seal %s: %w", earshot.LevelsFile(d.call, p.facts.N), err)
		}
		s.one(err, nil)
	})
}

// sealLevels completes the levels of a part whose audio is complete.
func (d *desk) sealLevels(p *part) {
	steps, err := p.endLevels()
	if err != nil || steps == nil { // without them the audio is measured
		return
	}
	d.results.sealing.Add(1)
	steps.Seal(func(Sealed, error) { d.results.sealing.Done() })
}
