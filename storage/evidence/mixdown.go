package evidence

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/pcm"
	"earshot/audio/wav"
)

// The mix is for ears alone: one channel of 16-bit samples that any player opens.
const (
	mixRate  = 16000
	mixChunk = mixRate / 10 // samples mixed at a time
)

// voice is one part as the mix hears it.
type voice struct {
	startMs int64     // on the call's timeline
	file    io.Reader // as it lies in the package
	part    earshot.Part
	raw     bool // the file has samples, one channel at mixRate, and nothing else
}

// mixdown writes what is to be heard of the voices from fromMs until toMs of
// their timeline as a WAVE file. What cannot be decoded is silent, so that all
// else stays in its place.
func mixdown(ctx context.Context, w io.Writer, voices []voice, fromMs, toMs int64) error {
	total := (toMs - fromMs) * mixRate / 1000
	header := wav.AppendHeaderOf(nil, wav.Info{Encoding: wav.PCM, Channels: 1, Rate: mixRate, Bits: 16}, 2*total)
	if _, err := w.Write(header); err != nil {
		return err
	}
	var sounds []*sound
	for _, v := range voices {
		s, err := newSound(v, fromMs)
		if err != nil {
			continue // it has no beginning that can be read: nothing of it can be heard
		}
		sounds = append(sounds, s)
	}
	sum, chunk := make([]int, mixChunk), make([]byte, 2*mixChunk)
	for done := int64(0); done < total; done += mixChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := int(min(mixChunk, total-done))
		clear(sum)
		for _, s := range sounds {
			if err := s.add(sum[:n]); err != nil {
				return err
			}
		}
		for i, v := range sum[:n] {
			binary.LittleEndian.PutUint16(chunk[2*i:], uint16(pcm.Clip(v)))
		}
		if _, err := w.Write(chunk[:2*n]); err != nil {
			return err
		}
	}
	return nil
}

// sound is a voice while it is mixed: a stream of samples at mixRate.
type sound struct {
	wait  int64 // samples of silence before it begins
	queue []int16
	next  func() ([]int16, error) // further samples, valid until the next call; io.EOF after the last
	ended bool
}

func newSound(v voice, fromMs int64) (*sound, error) {
	s := &sound{wait: (v.startMs - fromMs) * mixRate / 1000}
	var err error
	if v.raw {
		s.next = rawSamples(v.file)
	} else if v.part.Codec == earshot.Opus {
		s.next, err = opusSamples(v.file)
	} else {
		s.next, err = wavSamples(v.file)
	}
	if err != nil {
		return nil, fmt.Errorf("mix part %d: %w", v.part.N, err)
	}
	return s, s.skip()
}

// skip throws away what lies before the mix begins.
func (s *sound) skip() error {
	for s.wait < 0 {
		if err := s.fill(); err != nil {
			return err
		}
		if s.ended && len(s.queue) == 0 {
			s.wait = 0
			return nil
		}
		n := min(-s.wait, int64(len(s.queue)))
		s.queue = s.queue[n:]
		s.wait += n
	}
	return nil
}

// add adds the next samples to sum.
func (s *sound) add(sum []int) error {
	n := int(min(s.wait, int64(len(sum))))
	s.wait -= int64(n)
	for sum = sum[n:]; len(sum) > 0; {
		if err := s.fill(); err != nil {
			return err
		}
		if len(s.queue) == 0 {
			return nil
		}
		k := min(len(sum), len(s.queue))
		for i, v := range s.queue[:k] {
			sum[i] += int(v)
		}
		sum, s.queue = sum[k:], s.queue[k:]
	}
	return nil
}

// fill has at least one sample queued, unless there is none any more.
func (s *sound) fill() error {
	for len(s.queue) == 0 && !s.ended {
		more, err := s.next()
		if errors.Is(err, io.EOF) {
			s.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		s.queue = append(s.queue[:0:0], more...)
	}
	return nil
}

// opusSamples decodes an Ogg Opus file of one stream, or of one for each side.
func opusSamples(file io.Reader) (func() ([]int16, error), error) {
	r, err := ogg.NewOpusReader(file)
	if err != nil {
		return nil, err
	}
	streams := make([]*opus.Decoder, r.Head.Streams)
	for i := range streams {
		if streams[i], err = opus.NewDecoder(mixRate, 1+min(r.Head.Coupled, 1)); err != nil {
			return nil, err
		}
	}
	d := &opusMix{r: r, streams: streams, skip: int64(r.Head.PreSkip)}
	return d.next, nil
}

// opusMix decodes a file page by page. A page's granule says where it lies: what
// is missing before it is silent.
type opusMix struct {
	r       *ogg.OpusReader
	streams []*opus.Decoder
	skip    int64    // samples at 48 kHz still to be left out
	at      int64    // samples at 48 kHz that have been given
	page    [][]byte // packets of the page that comes next
	hole    int64    // samples at 48 kHz missing before it
	ended   bool
	pcm     []int16
	sum     []int
}

func (d *opusMix) next() ([]int16, error) {
	if len(d.page) == 0 {
		if err := d.read(); err != nil {
			return nil, err
		}
	}
	var n int
	if d.hole > 0 {
		n = int(min(d.hole*mixRate/opus.SampleRate, mixRate))
		d.hole -= int64(n) * opus.SampleRate / mixRate
		d.sum = append(d.sum[:0], make([]int, n)...)
		if n == 0 {
			d.hole = 0
		}
	} else {
		n = d.decode(d.page[0])
		d.page = d.page[1:]
	}
	d.pcm = d.pcm[:0]
	for _, v := range d.sum[:n] {
		d.pcm = append(d.pcm, pcm.Clip(v))
	}
	cut := min(d.skip*mixRate/opus.SampleRate, int64(n))
	d.skip -= cut * opus.SampleRate / mixRate
	return d.pcm[cut:], nil
}

// read gathers the packets up to the next granule.
func (d *opusMix) read() error {
	if d.ended {
		return io.EOF
	}
	long := int64(0)
	for {
		p, err := d.r.Next()
		if errors.Is(err, io.EOF) && len(d.page) > 0 {
			d.ended = true
			d.at += long
			return nil
		}
		if err != nil {
			return err
		}
		d.page = append(d.page, bytes.Clone(p.Data))
		if n, err := packetSamples(p.Data, len(d.streams)); err == nil {
			long += int64(n)
		}
		if p.Granule != ogg.NoGranule {
			if start := p.Granule - long; start > d.at {
				d.hole, d.at = start-d.at, start
			}
			d.at += long
			return nil
		}
	}
}

// packetSamples is how long a packet of so many streams is, at 48 kHz.
func packetSamples(packet []byte, streams int) (int, error) {
	if streams > 1 {
		first, _, err := opus.SplitSelfDelimited(packet)
		if err != nil {
			return 0, err
		}
		packet = first
	}
	return opus.Samples(packet)
}

// decode sums the streams of a packet up and answers how many samples it is long.
func (d *opusMix) decode(packet []byte) int {
	long := 0
	d.sum = d.sum[:0]
	for i, dec := range d.streams {
		one := packet
		if i < len(d.streams)-1 {
			first, rest, err := opus.SplitSelfDelimited(packet)
			if err != nil {
				break
			}
			one, packet = first, rest
		}
		samples, err := opus.Samples(one)
		if err != nil {
			continue
		}
		n := samples * mixRate / opus.SampleRate
		for len(d.sum) < n {
			d.sum = append(d.sum, 0)
		}
		long = max(long, n)
		buf := make([]int16, dec.MaxSamples())
		got, err := dec.Decode(one, buf)
		if err != nil {
			continue // it stays silent
		}
		mono := buf[:got*dec.Channels()]
		if dec.Channels() == 2 {
			mono = pcm.Mono(nil, mono, 2)
		}
		for k := range min(len(mono), n) {
			d.sum[k] += int(mono[k])
		}
	}
	return long
}

// wavSamples reads a WAVE file of one channel, or of one for each side.
func wavSamples(file io.Reader) (func() ([]int16, error), error) {
	r, err := wav.NewReader(file)
	if err != nil {
		return nil, err
	}
	resample := pcm.NewResampler(r.Rate, mixRate)
	raw, ended := make([]int16, 4096*r.Channels), false
	var mono, out []int16
	return func() ([]int16, error) {
		if ended {
			return nil, io.EOF
		}
		n, err := r.Read(raw)
		mono = sumChannels(mono[:0], raw[:n], r.Channels)
		out = resample.Append(out[:0], mono)
		if errors.Is(err, io.EOF) {
			ended = true
			return resample.Finish(out), nil
		}
		return out, err
	}, nil
}

func sumChannels(dst, interleaved []int16, channels int) []int16 {
	for ; len(interleaved) >= channels; interleaved = interleaved[channels:] {
		sum := 0
		for _, v := range interleaved[:channels] {
			sum += int(v)
		}
		dst = append(dst, pcm.Clip(sum))
	}
	return dst
}
