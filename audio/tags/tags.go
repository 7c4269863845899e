// Package tags reads what files of audio say about themselves: ID3 and APE tags,
// INFO lists and broadcast extensions of WAVE files, comments of Ogg Opus files.
// It reads little memory full of whatever is there, and starts no goroutine.
package tags

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"earshot/audio/mp3"
	"earshot/audio/ogg"
	"earshot/audio/wav"
)

// Tags are what a file says about itself. Texts are of one line, at most 1,000
// characters.
type Tags struct {
	Title, Artist, Album, Comment string
	// Date is as it was written, best in the form 2006-01-02T15:04:05 with what is
	// not known left away.
	Date     string
	Duration time.Duration     // as a tag claims; 0 where none does
	Extra    map[string]string // everything else that is text, by its name there: TXXX's description, TPE2, ISFT
}

// Bounds of what is read.
const (
	mostFrames = 2000     // of a tag
	mostText   = 64 << 10 // bytes of one text
	mostRunes  = 1000     // of one text that is kept
	mostExtra  = 100
)

// Read reads the tags of a file of size bytes. What is damaged in them is left
// out; an error is one of reading.
func Read(r io.ReaderAt, size int64, charset Charset) (Tags, error) {
	t := &reader{r: r, size: size, charset: charset}
	t.Extra = map[string]string{}
	head := make([]byte, min(size, 12))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Tags{}, fmt.Errorf("read tags: %w", err)
	}
	var err error
	switch {
	case len(head) == 12 && string(head[8:]) == "WAVE":
		err = t.wave()
	case strings.HasPrefix(string(head), "OggS"):
		t.opus()
	default:
		if err = t.id3v2(0, size); err == nil {
			err = t.tail()
		}
	}
	return t.Tags, err
}

// reader gathers tags: what was read first counts.
type reader struct {
	Tags
	r       io.ReaderAt
	size    int64
	charset Charset
}

// line is text on one line, without what cannot be shown.
func line(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\r' || c == '\t':
			return ' '
		case unicode.IsControl(c) || c == unicode.ReplacementChar || c == '\ufeff':
			return -1
		}
		return c
	}, text)
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > mostRunes {
		text = string(runes[:mostRunes])
	}
	return text
}

// set keeps text in a field that is empty.
func set(field *string, text string) {
	if *field == "" {
		*field = line(text)
	}
}

// extra keeps text under a name that is not there yet.
func (t *reader) extra(name, text string) {
	name, text = line(name), line(text)
	if _, there := t.Extra[name]; name != "" && text != "" && !there && len(t.Extra) < mostExtra {
		t.Extra[name] = text
	}
}

// named keeps a text under the name that it has in INFO lists, APE tags and Ogg
// files.
func (t *reader) named(name, text string) {
	switch strings.ToUpper(name) {
	case "INAM", "TITLE":
		set(&t.Title, text)
	case "IART", "ARTIST":
		set(&t.Artist, text)
	case "IPRD", "ALBUM":
		set(&t.Album, text)
	case "ICMT", "COMMENT", "DESCRIPTION":
		set(&t.Comment, text)
	case "ICRD", "DATE", "YEAR":
		set(&t.Date, text)
	default:
		t.extra(name, text)
	}
}

// wave reads the chunks of a WAVE file. One that cannot be read has no tags.
func (t *reader) wave() error {
	f, err := wav.Parse(t.r, t.size)
	if errors.Is(err, wav.ErrNotWAV) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, c := range f.Lists {
		switch c.ID {
		case "LIST":
			err = t.info(c)
		case "bext":
			err = t.broadcast(c)
		default:
			err = t.id3v2(c.Offset, c.Offset+c.Bytes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *reader) opus() {
	file, err := ogg.NewOpusReader(io.NewSectionReader(t.r, 0, t.size))
	if err != nil {
		return // whoever tells what the file is will say so
	}
	for _, comment := range file.Tags.Comments {
		if name, text, ok := strings.Cut(comment, "="); ok {
			t.named(name, text)
		}
	}
}

// tail reads the tags at the end of an MP3 file: APE, then ID3v1.
func (t *reader) tail() error {
	from, err := mp3.Tail(t.r, t.size)
	if err != nil {
		return err
	}
	n := t.size - from
	if n == 0 {
		return nil
	}
	b, err := t.bytes(max(from, t.size-(1<<20)), min(n, 1<<20))
	if err != nil {
		return err
	}
	t.ape(b)
	if len(b) >= 128 && string(b[len(b)-128:len(b)-125]) == "TAG" {
		t.id3v1(b[len(b)-128:])
	}
	return nil
}

// bytes are n bytes from at on, or as many as there are.
func (t *reader) bytes(at, n int64) ([]byte, error) {
	b := make([]byte, max(min(n, t.size-at), 0))
	k, err := t.r.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	return b[:k], nil
}
