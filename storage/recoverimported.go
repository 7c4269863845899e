package storage

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/probe"
	"earshot/audio/wav"
)

// imported is the part n where its file was brought in from an older recorder: it
// is complete, and nothing of it is ever mended. Files of our own recorder are left
// to mending.
func (r *recovery) imported(known earshot.Part, n int) (earshot.Part, bool, error) {
	for _, codec := range []earshot.Codec{earshot.MP3, earshot.PCM, earshot.Opus} { // one for each ending
		name := earshot.PartFile(r.call.ID, n, codec)
		audio, found, err := r.archive.tellFile(name)
		if err != nil || !found {
			if err != nil {
				return known, false, err
			}
			continue
		}
		seen, err := r.archive.look(earshot.Part{File: name})
		if err != nil {
			return known, false, err
		}
		return r.importedPart(known, name, audio, seen), true, nil
	}
	return known, false, nil
}

func (r *recovery) importedPart(known earshot.Part, name string, audio probe.Audio, seen seen) earshot.Part {
	if r.call.StartedAt.IsZero() {
		made, _ := earshot.IDTime(r.call.ID)
		r.call.StartedAt = earshot.At(made)
	}
	part := earshot.Part{
		N: known.N, File: name, Track: known.Track, Codec: audio.Codec, Channels: audio.Channels, StartMs: known.StartMs,
		DurationMs: audio.Ms(), Bytes: seen.bytes, SHA256: seen.sha256,
	}
	if part.Track == "" {
		part.StartMs, part.Track = endOf(r.call.Parts), earshot.TrackMixed
		if audio.Channels >= 2 {
			part.Track = earshot.TrackBoth
		}
	}
	at := r.call.StartedAt.Add(time.Duration(part.StartMs) * time.Millisecond)
	part.Clock = []earshot.ClockPoint{{At: earshot.At(at)}, {FileMs: part.DurationMs, At: earshot.At(at.Add(time.Duration(part.DurationMs) * time.Millisecond))}}
	if slices.Contains(audio.Remarks, probe.GarbageInside) {
		r.call.SetFlag(earshot.FlagDamaged)
	}
	return part
}

// tellFile tells what a complete file of the archive is, if there is one, and it is
// none that our own recorder writes, and it is audio.
func (a *Archive) tellFile(name string) (audio probe.Audio, found bool, err error) {
	file, size, err := a.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return audio, false, nil
	}
	if err != nil {
		return audio, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	at, ok := file.(io.ReaderAt)
	if !ok {
		return audio, false, nil
	}
	audio, err = probe.File(at, size)
	var refused *earshot.Error
	switch {
	case errors.As(err, &refused):
		return audio, false, nil
	case err != nil:
		return audio, false, err
	}
	ours, err := isOurs(audio, name, io.NewSectionReader(at, 0, size))
	return audio, err == nil && !ours, err
}

// isOurs says whether a file is as our own recorder writes it: a WAVE file with its
// header, an Ogg file that names its call. One of another call was brought in.
func isOurs(audio probe.Audio, name string, file io.ReadSeeker) (bool, error) {
	switch {
	case audio.Container == "ogg":
		r, err := ogg.NewOpusReader(file)
		if err != nil {
			return false, err
		}
		call, _, _ := partName(name)
		return r.Tags.Get("EARSHOT_CALL") == call, nil
	case audio.Container == "wav" && audio.Codec.Recorded():
		r, err := wav.NewReader(file)
		others := err == nil && r.DataOffset != wav.HeaderBytes
		return !others, nil
	}
	return false, nil
}
