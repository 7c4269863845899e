package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"earshot"
	"earshot/audio/mp3"
	"earshot/audio/pcm"
	"earshot/audio/wav"
	"earshot/storage/convert"
	"earshot/storage/evidence"
)

// decode is an evidence.Decode of MP3 and WAVE files: by the decoder that measures
// them, so that copy and waveform agree in time.
func (a *Archive) decode(ctx context.Context, part earshot.Part, file io.ReadSeeker, rate int, w io.Writer) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	r := io.ReaderAt(seekingReader{file})
	converted := a.convert.Installed()
	if part.Codec == earshot.MP3 {
		var info mp3.Info
		if r, size, info, err = framesOf(r, size); err == nil {
			converted = converted && byFFmpeg(info)
		}
	}
	switch {
	case err != nil:
	case converted:
		err = a.convert.Samples(ctx, io.NewSectionReader(r, 0, size), convert.Of(part.Codec), convert.Form{Rate: rate, Channels: 1}, samplesTo(w))
	default:
		err = decodeOurselves(ctx, part, r, size, rate, samplesTo(w))
	}
	if withoutWaveform(err) != err { //nolint:errorlint // it is wrapped where nothing can decode the file
		return fmt.Errorf("%w: %w", evidence.ErrUndecodable, err)
	}
	return err
}

// framesOf is an MP3 file from its first frame on, out of the WAVE file around it
// if there is one.
func framesOf(r io.ReaderAt, size int64) (io.ReaderAt, int64, mp3.Info, error) {
	if f, err := wav.Parse(r, size); err == nil && f.Encoding == wav.MP3 {
		r, size = io.NewSectionReader(r, f.DataOffset, f.DataBytes), f.DataBytes
	}
	info, err := mp3.ScanFile(r, size)
	return io.NewSectionReader(r, info.First, size-info.First), size - info.First, info, err
}

// samplesTo writes samples to w.
func samplesTo(w io.Writer) func([]int16) error {
	var buf []byte
	return func(samples []int16) error {
		buf = buf[:0]
		for _, s := range samples {
			buf = binary.LittleEndian.AppendUint16(buf, uint16(s))
		}
		_, err := w.Write(buf)
		return err
	}
}

func decodeOurselves(ctx context.Context, part earshot.Part, r io.ReaderAt, size int64, rate int, take func([]int16) error) error {
	from, hz, channels, err := openSamples(part, r, size)
	if err != nil {
		return err
	}
	resample := pcm.NewResampler(hz, rate)
	buf := make([]int16, 4096*channels)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buf)
		out := resample.Append(nil, pcm.Mono(nil, buf[:n], channels))
		if errors.Is(err, io.EOF) {
			return take(resample.Finish(out))
		}
		if err == nil {
			err = take(out)
		}
		if err != nil {
			return err
		}
	}
}

// openSamples reads a file with our own decoders; convert.ErrNone where it takes
// ffmpeg.
func openSamples(part earshot.Part, r io.ReaderAt, size int64) (from interface{ Read([]int16) (int, error) }, rate, channels int, err error) {
	if part.Codec == earshot.MP3 {
		d, err := mp3.NewDecoder(io.NewSectionReader(r, 0, size))
		if errors.Is(err, mp3.ErrUntrusted) {
			err = convert.ErrNone
		}
		if err != nil {
			return nil, 0, 0, err
		}
		return d, d.Info().Rate, d.Info().Channels, nil
	}
	f, err := wav.Parse(r, size)
	if err != nil {
		return nil, 0, 0, err
	}
	if !f.Native() {
		return nil, 0, 0, convert.ErrNone
	}
	w, err := wav.NewFileReader(r, f)
	return w, f.Rate, f.Channels, err
}
