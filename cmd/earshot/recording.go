package main

import (
	"earshot/ingest/recorder"
	"earshot/storage/files"
)

// recordingFiles is the store of files as the recorder wants it.
type recordingFiles struct{ *files.Store }

// Create begins a part's file.
func (r recordingFiles) Create(name string) (recorder.File, error) {
	part, err := r.Store.Create(name)
	if err != nil {
		return nil, err
	}
	return recordingFile{part}, nil
}

type recordingFile struct{ *files.Part }

// Seal completes the file.
func (f recordingFile) Seal(done func(recorder.Sealed, error)) {
	f.Part.Seal(func(s files.Sealed, err error) { done(recorder.Sealed(s), err) })
}
