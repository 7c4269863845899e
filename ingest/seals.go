package ingest

import "earshot/ingest/recorder"

// behindJournal are the files of recordings with a journal before them: one gets
// its final name only when all that is in it is safe in the journal too. A crash
// would otherwise leave a complete file of which the journal knows less.
type behindJournal struct {
	Files
	floor *Floor
}

func (b behindJournal) Create(name string) (recorder.File, error) {
	file, err := b.Files.Create(name)
	if err != nil {
		return nil, err
	}
	return sealedBehind{file, b.floor}, nil
}

type sealedBehind struct {
	recorder.File
	floor *Floor
}

// Seal belongs to the loop, like all that is told a live recording.
func (s sealedBehind) Seal(done func(recorder.Sealed, error)) {
	s.floor.seals = append(s.floor.seals, waitingSeal{s.floor.opts.Journal.Mark(), func() { s.File.Seal(done) }})
}

// waitingSeal is a file that is to be completed once the journal is so far.
type waitingSeal struct {
	mark uint64
	seal func()
}

// sealSafe completes the files of which the journal has everything.
func (f *Floor) sealSafe() {
	n := 0
	for n < len(f.seals) && f.opts.Journal.Safe(f.seals[n].mark) {
		f.seals[n].seal()
		n++
	}
	f.seals = append(f.seals[:0], f.seals[n:]...)
}
