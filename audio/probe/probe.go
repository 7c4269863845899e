// Package probe tells what a file of audio is, by what is in it and never by its
// name: how it is coded, how long it lasts, and what is wrong with it. It reads a
// file once, in little memory, whatever is in it. It starts no goroutine.
package probe

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"earshot"
	"earshot/audio/mp3"
	"earshot/audio/wav"
)

// Audio is what a file holds.
type Audio struct {
	Codec     earshot.Codec
	Container string // mp3, wav, ogg
	Format    string // for people: "MPEG-2.5 Layer III", "IMA ADPCM"
	Channels  int
	Rate      int // Hz, of the first frame
	Bits      int // of a sample as it is stored; 0 where there is no such thing
	Bitrate   int // bit/s, the mean
	Duration  time.Duration
	VBR       bool
	Skipped   int64 // bytes in an MP3 file that belong to no frame and no tag
	Torn      bool  // the file ends in the midst of its audio
	// Remarks are what is not as one would expect, as codes; see the constants.
	Remarks []string
	// Trusted says that our own decoders measure its levels; else ffmpeg must.
	Trusted bool
}

// Ms is how long it lasts, in milliseconds: the nearest, since ten seconds of MP3
// are 9.999977 s by its frames.
func (a Audio) Ms() int64 { return a.Duration.Round(time.Millisecond).Milliseconds() }

// What can be remarked of a file that is taken.
const (
	GarbageHead   = "garbage_head"   // bytes before the audio that are none
	GarbageInside = "garbage_inside" // bytes inside that are none
	GarbageTail   = "garbage_tail"   // bytes behind the audio that are none
	Torn          = "torn"           // the file ends in the midst of its audio
	VBR           = "vbr"            // its bitrate changes: players may misjudge its length
	RateChanges   = "rate_changes"   // its sample rate changes
	Joined        = "joined"         // several files in one
	HeaderLies    = "header_lies"    // a size in the header is wrong or missing
	BeyondHeader  = "beyond_header"  // there are bytes behind the audio that its header does not count
	MP3InWAV      = "mp3_in_wav"     // an MP3 file in a WAVE's clothes
	NameMisleads  = "name_misleads"  // the file's name says that it is something else
	ManyChannels  = "many_channels"  // more than two channels: the first two count

	// Of the waveform, once its levels were to be measured.
	NoWaveformNoFFmpeg = "no_waveform_no_ffmpeg" // only ffmpeg could, and is not installed
	NoWaveformDamaged  = "no_waveform_damaged"   // nothing can decode it
)

// shortest is how long audio must be to be kept: less has not one level.
const shortest = earshot.LevelStepMs * time.Millisecond

// File tells what a file of size bytes is. A file that is not taken is an
// earshot.Error of Kind Unsupported or Invalid, whose code says why; any other
// error is one of reading.
func File(r io.ReaderAt, size int64) (Audio, error) {
	if size <= 0 {
		return Audio{}, refuse("empty_file")
	}
	head, err := headOf(r, size)
	if err != nil {
		return Audio{}, err
	}
	a, err := tell(r, size, head)
	if err != nil {
		return Audio{}, err
	}
	if a.Duration < shortest {
		return Audio{}, refuse("too_short")
	}
	if a.Channels > 2 {
		a.Remarks = append(a.Remarks, ManyChannels)
	}
	if a.Remarks == nil {
		a.Remarks = []string{}
	}
	return a, nil
}

// Context is File until ctx ends.
func Context(ctx context.Context, r io.ReaderAt, size int64) (Audio, error) {
	return File(until{ctx, r}, size)
}

// until reads as long as its context lasts.
type until struct {
	ctx context.Context
	io.ReaderAt
}

func (u until) ReadAt(p []byte, at int64) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.ReaderAt.ReadAt(p, at)
}

func tell(r io.ReaderAt, size int64, head []byte) (Audio, error) {
	if code := known(head); code != "" {
		return Audio{}, refuse(code)
	}
	if isWAV(head) {
		return wavFile(r, size)
	}
	if strings.HasPrefix(string(head), "OggS") {
		return oggFile(r, size, head)
	}
	a, err := mp3File(r, 0, size)
	switch {
	case errors.Is(err, mp3.ErrFreeFormat):
		return Audio{}, refuse("free_format")
	case errors.Is(err, mp3.ErrNotMP3):
		return Audio{}, refuse(guess(head))
	}
	return a, err
}

// mostUnsaid is how many frames fewer than its head says an MP3 file may have without
// a word: encoders count differently.
const mostUnsaid = 2

// mp3File tells what the MP3 file at [from, from+size) is.
func mp3File(r io.ReaderAt, from, size int64) (Audio, error) {
	file := io.NewSectionReader(r, from, size)
	end, err := mp3.Tail(file, size)
	if err != nil {
		return Audio{}, err
	}
	info, err := mp3.ScanFile(file, end)
	if err != nil {
		return Audio{}, err
	}
	if info.Frames < 10 && info.Skipped > size/10*9 {
		return Audio{}, mp3.ErrNotMP3 // noise, some of which looks like frames
	}
	a := Audio{
		Codec: earshot.MP3, Container: "mp3", Format: info.Version.String() + " Layer III", Channels: info.Channels,
		Rate: info.Rate, Bitrate: info.Bitrate, Duration: info.Duration, VBR: info.VBR, Skipped: info.Skipped,
		Torn: info.Torn, Trusted: info.Trusted() == nil,
	}
	a.remark(info.Before > 0, GarbageHead)
	a.remark(info.Inside > 0, GarbageInside)
	a.remark(info.Behind > 0 && !info.Torn, GarbageTail)
	a.remark(info.Torn, Torn)
	a.remark(info.Missing > mostUnsaid && !info.Torn, HeaderLies)
	a.remark(info.VBR, VBR)
	a.remark(info.RateChanges, RateChanges)
	a.remark(info.Joined, Joined)
	return a, nil
}

func (a *Audio) remark(is bool, code string) {
	if is {
		a.Remarks = append(a.Remarks, code)
	}
}

// Misnamed says whether a file's name promises something else than what it is.
// A name without an ending that one knows promises nothing.
func (a Audio) Misnamed(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".mp3":
		return a.Container != "mp3"
	case ".wav", ".wave", ".v3", ".vox":
		return a.Container != "wav"
	case ".opus", ".ogg", ".oga":
		return a.Container != "ogg"
	case ".wma", ".amr", ".m4a", ".aac", ".flac", ".mp4", ".mp2", ".avi", ".txt", ".zip":
		return true
	}
	return false
}

func isWAV(head []byte) bool {
	if len(head) < 12 || string(head[8:12]) != "WAVE" {
		return false
	}
	form := string(head[:4])
	return form == "RIFF" || form == "RF64" || form == "BW64"
}

// wavFile tells what a WAVE file is.
func wavFile(r io.ReaderAt, size int64) (Audio, error) {
	f, err := wav.Parse(r, size)
	switch {
	case errors.Is(err, wav.ErrDataFirst):
		return Audio{}, refuse("wav_data_first").Because(err)
	case errors.Is(err, wav.ErrNotWAV):
		return Audio{}, refuse("damaged_wav").Because(err)
	case err != nil:
		return Audio{}, err
	case f.DataBytes == 0:
		return Audio{}, refuse("too_short")
	}
	if f.Encoding == wav.MP3 {
		a, err := mp3File(r, f.DataOffset, f.DataBytes)
		if errors.Is(err, mp3.ErrNotMP3) || errors.Is(err, mp3.ErrFreeFormat) {
			return Audio{}, refuse("damaged_wav").Because(err)
		}
		a.Container = "wav"
		a.remark(err == nil, MP3InWAV)
		return a, err
	}
	kind, ok := wavKinds[f.Encoding]
	if !ok || !f.Encoding.InBlocks() && !f.Native() {
		return Audio{}, refuse(wavCode(f.Encoding))
	}
	a := Audio{
		Codec: kind.codec, Container: "wav", Format: kind.name, Channels: f.Channels, Rate: f.Rate, Bits: f.Bits,
		Bitrate:  int(int64(f.Block) * 8 * int64(f.Rate) / int64(max(f.BlockSamples, 1))),
		Duration: f.Duration(), Torn: f.Torn, Trusted: f.Native(),
	}
	a.remark(f.HeaderLies, HeaderLies)
	a.remark(f.Torn, Torn)
	a.remark(f.Hidden >= int64(f.Block)*2, BeyondHeader)
	return a, nil
}
