// Package files keeps audio and call files in a data folder on the local disk.
//
//	DIR/lock              held while a store is open; has the holder's pid in it
//	DIR/audio/            everything that is stored, by slashed names
//	DIR/audio/….part      a file being written; without .part it is complete
//	DIR/audio/….tmp       a whole file being replaced; left behind only by a crash
//	DIR/audio/incoming/   files from elsewhere that are being taken in
//	DIR/unfinished        the folders that may hold a .part or a .tmp
//	DIR/journal/          what open recordings received, until their files are safe
//
// A final name promises completeness: a file gets it only after its bytes are
// synced, and the folder is synced after that. Names never lead out of the
// folder: all access goes through os.Root.
//
// Goroutines: of a store a flusher and a committer, which gives files their
// final names, ended by Close; one for each part that was sealed, ended when its
// done function returned, and one for each patched file read again before, both
// waited for by Close; of a journal a writer and a dropper of old segments,
// ended by its Close.
package files
