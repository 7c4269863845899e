package ingest

import (
	"earshot/ingest/recorder"
	"earshot/storage/files"
)

// Disk is a data folder as a floor wants its Files.
func Disk(store *files.Store) Files { return disk{store} }

type disk struct{ *files.Store }

func (d disk) Create(name string) (recorder.File, error) {
	part, err := d.Store.Create(name)
	if err != nil {
		return nil, err
	}
	return diskFile{part}, nil
}

func (d disk) Resume(name string, state recorder.FileState) (recorder.File, error) {
	part, err := d.Store.Resume(name, files.PartState(state))
	if err != nil {
		return nil, err
	}
	return diskFile{part}, nil
}

func (d disk) SealedFile(name string) (recorder.Sealed, error) {
	sealed, err := d.Store.SealedFile(name)
	return recorder.Sealed(sealed), err
}

type diskFile struct{ *files.Part }

func (f diskFile) State() recorder.FileState { return recorder.FileState(f.Part.State()) }

func (f diskFile) Seal(done func(recorder.Sealed, error)) {
	f.Part.Seal(func(s files.Sealed, err error) { done(recorder.Sealed(s), err) })
}

// DiskJournal is a data folder's journal as a floor wants it.
func DiskJournal(j *files.Journal) Journal { return diskJournal{j} }

type diskJournal struct{ *files.Journal }

func (j diskJournal) Read(each func(recorder.Record) error, damaged func(recorder.Damage) error) error {
	return j.Journal.Read(
		func(r files.JournalRecord) error { return each(recorder.Record(r)) },
		func(d files.JournalDamage) error { return damaged(recorder.Damage(d)) })
}
