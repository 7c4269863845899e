package storage

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/audio/mp3"
	"earshot/audio/pcm"
	"earshot/audio/probe"
	"earshot/audio/wav"
	"earshot/storage/convert"
)

// Files of older recorders are measured, and decoded for evidence, by our own
// decoders or by ffmpeg. Of MP3 ffmpeg decodes three to nine times as much in a
// second as go-mp3 and every kind of it, so it is asked first where it is installed;
// but go-mp3 under guard keeps the time where frames are damaged or files were
// joined: both go by byFFmpeg, that waveform and decoded copy agree.

// noWaveform is why the levels of a file cannot be told: a remark's code.
type noWaveform struct {
	code string
	err  error
}

func (e *noWaveform) Error() string { return e.code + ": " + e.err.Error() }

func (e *noWaveform) Unwrap() []error { return []error{errUnmeasurable, e.err} }

// withoutWaveform makes a converter's failure, or a decoder's, an errUnmeasurable.
func withoutWaveform(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, convert.ErrNone):
		return &noWaveform{probe.NoWaveformNoFFmpeg, err}
	case errors.Is(err, convert.ErrDamaged), errors.Is(err, wav.ErrNotWAV), errors.Is(err, mp3.ErrNotMP3), errors.Is(err, mp3.ErrUntrusted):
		return &noWaveform{probe.NoWaveformDamaged, err}
	}
	return err
}

// whyNoWaveform is the remark that err stands for, or nothing.
func whyNoWaveform(err error) string {
	var why *noWaveform
	if errors.As(err, &why) {
		return why.code
	}
	return ""
}

// brought measures a file that was brought in.
func (m *meter) brought(ctx context.Context, c *convert.Converter, file io.ReadSeeker) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	r := seekingReader{file}
	if m.part.Codec == earshot.MP3 {
		return withoutWaveform(m.mp3(ctx, c, r, size))
	}
	return withoutWaveform(m.wav(ctx, c, r, size))
}

func (m *meter) wav(ctx context.Context, c *convert.Converter, r io.ReaderAt, size int64) error {
	f, err := wav.Parse(r, size)
	if err != nil {
		return err
	}
	if f.Encoding == wav.MP3 {
		return m.mp3(ctx, c, io.NewSectionReader(r, f.DataOffset, f.DataBytes), f.DataBytes)
	}
	if !f.Native() {
		w := m.windows(f.Rate, f.Channels)
		err := c.Samples(ctx, io.NewSectionReader(r, 0, size), convert.WAV, convert.Form{Rate: f.Rate, Channels: f.Channels}, w.add)
		w.finish()
		return err
	}
	samples, err := wav.NewFileReader(r, f)
	if err != nil {
		return err
	}
	return m.hear(ctx, samples, f.Rate, f.Channels)
}

// soonDone is how long an MP3 file may be that go-mp3 decodes in less time than
// ffmpeg needs to start, which is 70 ms of a processor.
const soonDone = 10 * time.Second

// byFFmpeg says whether ffmpeg, where it is installed, is to decode an MP3 file: it
// is faster with long ones, but shifts what comes behind damage and seams. Only what
// go-mp3 cannot be trusted with it decodes all the same.
func byFFmpeg(info mp3.Info) bool {
	return info.Trusted() != nil || info.Inside == 0 && !info.Joined && info.Duration > soonDone
}

func (m *meter) mp3(ctx context.Context, c *convert.Converter, r io.ReaderAt, size int64) error {
	r, size, info, err := framesOf(r, size)
	if err != nil {
		return err
	}
	frames := io.NewSectionReader(r, 0, size)
	trusted := info.Trusted() == nil
	if c.Installed() && byFFmpeg(info) {
		w := m.windows(info.Rate, info.Channels)
		err := c.Samples(ctx, frames, convert.MP3, convert.Form{Rate: info.Rate, Channels: info.Channels}, w.add)
		w.finish()
		if err == nil || !trusted || !errors.Is(err, convert.ErrDamaged) {
			return err
		}
		m.agent, m.customer = levels.Steps{}, levels.Steps{}
	}
	if !trusted {
		return convert.ErrNone
	}
	if _, err := frames.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d, err := mp3.NewDecoder(frames)
	if err != nil {
		return err
	}
	return m.hear(ctx, d, info.Rate, info.Channels)
}

// hear measures samples until their end.
func (m *meter) hear(ctx context.Context, from interface{ Read([]int16) (int, error) }, rate, channels int) error {
	w := m.windows(rate, channels)
	buf := make([]int16, 4096*channels)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		_ = w.add(buf[:n]) // it does not fail
		if errors.Is(err, io.EOF) {
			w.finish()
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// windows measures samples in steps of earshot.LevelStepMs, at any rate without
// drifting.
type windows struct {
	m              *meter
	rate, channels int
	pending        []int16
	step           int64 // the one that comes next
}

func (m *meter) windows(rate, channels int) *windows {
	return &windows{m: m, rate: rate, channels: channels}
}

// samples is how many samples of all channels the next step has.
func (w *windows) samples() int {
	at := func(step int64) int64 { return step * int64(w.rate) * earshot.LevelStepMs / 1000 }
	return int(at(w.step+1)-at(w.step)) * w.channels
}

func (w *windows) add(samples []int16) error {
	w.pending = append(w.pending, samples...)
	left := w.pending
	for n := w.samples(); len(left) >= n; n = w.samples() {
		w.measure(left[:n])
		left = left[n:]
	}
	w.pending = w.pending[:copy(w.pending, left)]
	return nil
}

func (w *windows) measure(samples []int16) {
	ms := w.step * earshot.LevelStepMs
	w.step++
	if ms >= w.m.part.DurationMs {
		return // what an encoder filled its last block up with
	}
	for i := range min(w.channels, 2) {
		level := levels.OfPCM(pcm.Channel(nil, samples, w.channels, i))
		w.m.side(i).Add(ms, earshot.LevelStepMs, level)
	}
}

// finish measures what is left.
func (w *windows) finish() {
	if len(w.pending) >= w.channels {
		w.measure(w.pending)
		w.pending = w.pending[:0]
	}
}

// remarkWaveform notes on a call that was brought in why it has no waveform, once,
// and takes such a remark away from one that has. The caller does not hold the
// call's lock.
func (a *Archive) remarkWaveform(ctx context.Context, c earshot.Call, whyNot string) error {
	if c.Origin == nil || slices.Equal(c.Origin.Remarks, withWaveformRemark(c.Origin.Remarks, whyNot)) {
		return nil
	}
	_, err := a.edit(ctx, c.ID, func(c *earshot.Call) error {
		if c.Origin != nil {
			c.Origin.Remarks = withWaveformRemark(c.Origin.Remarks, whyNot)
		}
		return nil
	})
	return err
}

// withWaveformRemark are the remarks with whyNot in place of another of its kind;
// empty: with none.
func withWaveformRemark(remarks []string, whyNot string) []string {
	kept := slices.DeleteFunc(slices.Clone(remarks), func(code string) bool {
		return code != whyNot && (code == probe.NoWaveformNoFFmpeg || code == probe.NoWaveformDamaged)
	})
	if whyNot != "" && !slices.Contains(kept, whyNot) {
		kept = append(kept, whyNot)
	}
	return kept
}
