package probe

import (
	"bytes"
	"errors"
	"io"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
)

// oggFile tells what an Ogg file is; only Opus is taken.
func oggFile(r io.ReaderAt, size int64, head []byte) (Audio, error) {
	if code := oggCode(head); code != "" {
		return Audio{}, refuse(code)
	}
	file, err := ogg.NewOpusReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		if errors.Is(err, ogg.ErrNotOgg) || errors.Is(err, ogg.ErrNotOpus) {
			return Audio{}, refuse("damaged_ogg").Because(err)
		}
		return Audio{}, err
	}
	if file.Head.Channels > 2 {
		return Audio{}, refuse("ogg_channels")
	}
	samples, last, err := opusSamples(file)
	if err != nil {
		return Audio{}, err
	}
	joined, err := isChained(r, size)
	if err != nil {
		return Audio{}, err
	}
	length := max(samples-int64(file.Head.PreSkip), 0)
	a := Audio{
		Codec: earshot.Opus, Container: "ogg", Format: "Opus", Channels: file.Head.Channels, Rate: opus.SampleRate,
		Duration: time.Duration(length) * time.Second / opus.SampleRate, VBR: true, Torn: !last, Trusted: true,
	}
	if length > 0 {
		a.Bitrate = int(size * 8 * opus.SampleRate / length)
	}
	a.remark(len(file.Damage()) > 0, GarbageInside)
	a.remark(a.Torn, Torn)
	a.remark(joined, BeyondHeader)
	return a, nil
}

// isChained says whether another stream begins behind audio of the first, which is
// the one that players play.
func isChained(r io.ReaderAt, size int64) (bool, error) {
	pages := ogg.NewScanner(io.NewSectionReader(r, 0, size))
	for some := false; ; {
		page, err := pages.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if page.Flags&ogg.First != 0 && some {
			return true, nil
		}
		some = some || page.Granule > 0
	}
}

// oggCode is why an Ogg file that begins so is not taken, or nothing.
func oggCode(head []byte) string {
	body := head[min(28, len(head)):]
	for magic, code := range map[string]string{
		"\x01vorbis": "is_vorbis", "Speex   ": "is_speex", "\x7fFLAC": "is_flac", "\x80theora": "is_video",
	} {
		if bytes.HasPrefix(body, []byte(magic)) {
			return code
		}
	}
	return ""
}

// opusSamples is how much audio there is by the granules, and whether the file
// says that it ends.
func opusSamples(file *ogg.OpusReader) (samples int64, last bool, err error) {
	base, end, first := int64(0), int64(0), int64(0)
	known, ended := false, false
	for {
		p, err := file.Next()
		if errors.Is(err, io.EOF) {
			return max(end-base, 0), last, nil
		}
		if err != nil {
			return 0, false, err
		}
		n, err := opus.Samples(p.Data)
		if err != nil || ended { // what comes behind the end is no part of it
			continue
		}
		last = p.Last
		ended = p.Last && p.Granule != ogg.NoGranule // all of the last page's packets say that it is
		if !known {
			first += int64(n)
		}
		if p.Granule == ogg.NoGranule {
			end += int64(n) // a page that is cut off has no granule
			continue
		}
		if !known && !p.Last {
			base = max(p.Granule-first, 0)
		}
		known, end = true, p.Granule
	}
}
