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

// decode is an evidence.Decode of MP3 and WAVE files: by ffmpeg where it is
// installed, else by our own decoders where they can be trusted.
func (a *Archive) decode(ctx context.Context, part earshot.Part, file io.ReadSeeker, rate int, w io.Writer) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	r := io.ReaderAt(seekingReader{file})
	if part.Codec == earshot.MP3 {
		if f, err := wav.Parse(r, size); err == nil && f.Encoding == wav.MP3 {
			r, size = io.NewSectionReader(r, f.DataOffset, f.DataBytes), f.DataBytes
		}
	}
	if a.convert.Installed() {
		err = a.convert.Samples(ctx, io.NewSectionReader(r, 0, size), convert.Of(part.Codec), convert.Form{Rate: rate, Channels: 1}, samplesTo(w))
	} else {
		err = decodeOurselves(ctx, part, r, size, rate, samplesTo(w))
	}
	if withoutWaveform(err) != err { //nolint:errorlint // it is wrapped where nothing can decode the file
		return fmt.Errorf("%w: %w", evidence.ErrUndecodable, err)
	}
	return err
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
