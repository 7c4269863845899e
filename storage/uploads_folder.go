package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"earshot"
	"earshot/storage/imports"
)

// uploadRecoded is the folder of an import's notes, one empty file for each file
// that the sender's disk had under a name that is no UTF-8. They are made as an
// upload begins: what is sent are names in UTF-8, which do not tell.
const uploadRecoded = "recoded"

func uploadRecodedName(imported, id string) string { return path.Join(imported, uploadRecoded, id) }

// noteRecoded notes whether a file's name was no UTF-8.
func (u *Uploads) noteRecoded(imported, id string, recoded bool) error {
	name := uploadRecodedName(imported, id)
	if !recoded {
		return u.forgetRecoded(imported, id)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	return u.root.WriteFile(name, nil, 0o600)
}

func (u *Uploads) forgetRecoded(imported, id string) error {
	err := u.root.Remove(uploadRecodedName(imported, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// uploadedFolder is an import's complete files.
type uploadedFolder struct {
	*imports.Folders
	recoded map[string]bool // by uploads' ids
}

// Walk tells of the files what their senders did, too.
func (f uploadedFolder) Walk(ctx context.Context, each func(imports.File) error) error {
	return f.Folders.Walk(ctx, func(file imports.File) error {
		file.Recoded = file.Recoded || f.recoded[uploadID(file.Path)]
		return each(file)
	})
}

// Here says whether an import's files were uploaded to this machine. Where several
// share an index each has uploads of its own.
func (u *Uploads) Here(imported string) bool {
	_, err := u.root.Stat(imported)
	return err == nil
}

// Open opens an import's complete files for who brings them in.
func (u *Uploads) Open(imported string) (ImportFolder, error) {
	if !earshot.ValidCallID(imported) {
		return nil, ErrNoUpload
	}
	folder := uploadedFolder{recoded: map[string]bool{}}
	notes, err := fs.ReadDir(u.root.FS(), path.Join(imported, uploadRecoded))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, note := range notes {
		folder.recoded[note.Name()] = true
	}
	if err == nil {
		err = u.root.MkdirAll(path.Join(imported, uploadedFiles), 0o700)
	}
	if err == nil {
		folder.Folders, err = imports.OpenFolder(u.Folder(imported))
	}
	if err != nil {
		return nil, fmt.Errorf("the uploads of import %s: %w", imported, err)
	}
	return folder, nil
}
