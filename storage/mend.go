package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// mended is an unfinished file made whole.
type mended struct {
	audio      []byte
	part       earshot.Part // what the file itself says
	start      time.Time    // zero where it does not say
	seat       string       // empty where it does not say
	damaged    []span       // in ms from the part's start
	cut        int          // bytes of a torn tail
	durationMs int64
}

type span struct{ fromMs, toMs int64 }

// Why an unfinished file does not become a part.
var (
	errNoAudio    = errors.New("no audio in it yet")
	errUnreadable = errors.New("audio in it, but its beginning is damaged")
)

// mend makes what a crash left of a part's file a complete one: all up to the
// last good page, or sample. data is changed.
func mend(data []byte, codec earshot.Codec) (mended, error) {
	if codec == earshot.Opus {
		return mendOgg(data)
	}
	return mendWAV(data, codec)
}

func mendOgg(data []byte) (mended, error) {
	head, err := ogg.NewOpusReader(bytes.NewReader(data))
	if err != nil {
		return mended{}, headless(data, err)
	}
	m := mended{part: earshot.Part{Codec: earshot.Opus, Channels: head.Head.Channels}, seat: head.Tags.Get("EARSHOT_SEAT")}
	if m.part.Channels == 2 {
		m.part.Track = earshot.TrackBoth
	}
	if at, err := time.Parse(time.RFC3339Nano, head.Tags.Get("EARSHOT_START")); err == nil {
		m.start = at
	}
	last, err := m.scan(data, head.Serial())
	if err != nil {
		return mended{}, err
	}
	if last.Granule <= 0 {
		return mended{}, errNoAudio
	}
	end := last.Offset + int64(last.Size)
	m.cut = len(data) - int(end)
	m.audio = data[:end]
	m.durationMs = last.Granule / samplesPerMs
	closeStream(m.audio[last.Offset:])
	return m, nil
}

// headless is what to make of a file whose headers cannot be read. One that
// never came as far as audio has nothing to lose.
func headless(data []byte, err error) error {
	s := ogg.NewScanner(bytes.NewReader(data))
	for {
		page, end := s.Next()
		if end != nil {
			return fmt.Errorf("%w: %w", errNoAudio, err)
		}
		if page.Granule > 0 {
			return fmt.Errorf("%w: %w", errUnreadable, err)
		}
	}
}

// samplesPerMs is the granule's rate.
const samplesPerMs = opus.SampleRate / 1000

// scan looks through the pages for the last on which a packet ends, and notes
// what is damaged before it.
func (m *mended) scan(data []byte, serial uint32) (last ogg.Page, err error) {
	s := ogg.NewScanner(bytes.NewReader(data))
	last.Granule = ogg.NoGranule
	for seen := 0; ; {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return last, nil
		}
		if err != nil {
			return last, err
		}
		if page.Serial != serial || page.Granule == ogg.NoGranule {
			continue
		}
		if len(s.Damage()) > seen {
			seen = len(s.Damage())
			m.damaged = append(m.damaged, span{max(last.Granule, 0) / samplesPerMs, max(page.Granule-pageSamples(page), 0) / samplesPerMs})
		}
		last = *page
		last.Lacing, last.Body = nil, nil // theirs until the next page only
	}
}

// pageSamples is how much audio lies on a page.
func pageSamples(page *ogg.Page) (n int64) {
	page.Packets(func(piece []byte, _ bool) bool {
		if samples, err := opus.Samples(piece); err == nil {
			n += int64(samples)
		}
		return true
	})
	return n
}

// closeStream marks a page as the last of its stream.
func closeStream(page []byte) {
	const flags, checksum = 5, 22
	page[flags] |= ogg.Last
	binary.LittleEndian.PutUint32(page[checksum:], 0)
	binary.LittleEndian.PutUint32(page[checksum:], ogg.Checksum(0, page))
}

func mendWAV(data []byte, codec earshot.Codec) (mended, error) {
	r, err := wav.NewReader(bytes.NewReader(data))
	if err != nil && len(data) > wav.HeaderBytes {
		return mended{}, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if err != nil {
		return mended{}, fmt.Errorf("%w: %w", errNoAudio, err)
	}
	frame := int64(r.FrameBytes())
	frames := (int64(len(data)) - r.DataOffset) / frame
	if frames <= 0 {
		return mended{}, errNoAudio
	}
	if r.DataOffset != wav.HeaderBytes { // not as the recorder writes it
		return mended{}, errUnreadable
	}
	bytes := frames * frame
	m := mended{
		part:       earshot.Part{Codec: codec, Channels: r.Channels},
		audio:      data[:r.DataOffset+bytes],
		durationMs: frames * 1000 / int64(r.Rate),
		cut:        len(data) - int(r.DataOffset+bytes),
	}
	if m.part.Channels == 2 {
		m.part.Track = earshot.TrackBoth
	}
	for _, p := range wav.Patches(int(frame), bytes) {
		copy(m.audio[p.Offset:], p.Bytes)
	}
	m.audio = append(m.audio, wav.Pad(bytes)...)
	return m, nil
}
