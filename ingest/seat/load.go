package seat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"earshot"
	"earshot/audio/g711"
	"earshot/audio/levels"
	"earshot/audio/mp3"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/pcm"
	"earshot/audio/wav"
)

// frameSamples is 20 ms of G.711.
const frameSamples = 160

// silence is a packet of 20 ms without sound.
func silence(codec earshot.Codec) (payload []byte, samples uint32) {
	switch codec {
	case earshot.PCMU:
		return bytes.Repeat([]byte{g711.SilenceULaw}, frameSamples), frameSamples
	case earshot.PCMA:
		return bytes.Repeat([]byte{g711.SilenceALaw}, frameSamples), frameSamples
	}
	return []byte{opus.Filler}, 960
}

func loadOpus(files []File) (Script, error) {
	var script Script
	for _, f := range files {
		clips, err := opusClips(f)
		if err != nil {
			return Script{}, fmt.Errorf("%s: %w", f.Name, err)
		}
		if len(files) == 2 && (len(clips) > 1 || clips[0].Channels > 1) {
			return Script{}, fmt.Errorf("%s has two channels, which are both sides: name it alone", f.Name)
		}
		script.Clips = append(script.Clips, clips...)
	}
	script.level()
	return script, nil
}

// opusClips reads the packets of an Ogg Opus file: one clip, or two where the
// file has two mono streams, as recordings do.
func opusClips(f File) ([]Clip, error) {
	in, err := ogg.NewOpusReader(f.Data)
	if err != nil {
		return nil, err
	}
	head := in.Head
	if head.Streams > 2 || head.Streams == 2 && head.Coupled > 0 {
		return nil, fmt.Errorf("%d channels in %d streams cannot be sent", head.Channels, head.Streams)
	}
	clips := make([]Clip, head.Streams)
	meters := make([]*opus.Meter, head.Streams)
	for i := range clips {
		clips[i] = Clip{Codec: earshot.Opus, Channels: 1 + head.Coupled}
		meters[i] = opus.NewMeter()
	}
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		packet := bytes.Clone(p.Data)
		for i := range clips {
			one := packet
			if i < len(clips)-1 {
				if one, packet, err = opus.SplitSelfDelimited(packet); err != nil {
					return nil, err
				}
			}
			samples, err := opus.Samples(one)
			if err != nil {
				return nil, err
			}
			level, err := f.level(clips[i].Packets(), one, meters[i])
			if err != nil {
				return nil, err
			}
			clips[i].add(one, uint32(samples), level)
		}
	}
	if clips[0].Packets() == 0 {
		return nil, errors.New("it has no audio")
	}
	return clips, nil
}

// level is that of packet n, known or measured.
func (f File) level(n int, packet []byte, meter *opus.Meter) (uint8, error) {
	switch {
	case n < len(f.Levels):
		return f.Levels[n], nil
	case f.Levels != nil:
		return earshot.LevelSilence, nil // what the encoder adds at the end
	}
	level, err := meter.Level(packet)
	if errors.Is(err, opus.ErrDecode) {
		return level, nil // what only our decoder cannot read may still be sent
	}
	return level, err
}

// decoded is a file's audio at 8 kHz, a slice a channel.
type decoded struct {
	channels [][]int16
	alaw     bool // it was A-law already
}

func loadG711(law earshot.Codec, files []File) (Script, error) {
	var sides [][]int16
	allALaw := true
	for _, f := range files {
		d, err := decode(f)
		if err != nil {
			return Script{}, fmt.Errorf("%s: %w", f.Name, err)
		}
		allALaw = allALaw && d.alaw
		switch {
		case len(files) == 1 && len(d.channels) == 2:
			sides = append(sides, d.channels...)
		case len(d.channels) == 1:
			sides = append(sides, d.channels[0])
		default:
			sides = append(sides, mean(d.channels))
		}
	}
	if law == "" {
		law = earshot.PCMU
		if allALaw {
			law = earshot.PCMA
		}
	}
	var script Script
	for _, side := range sides {
		clip, err := g711Clip(law, side)
		if err != nil {
			return Script{}, err
		}
		script.Clips = append(script.Clips, clip)
	}
	script.level()
	return script, nil
}

// mean is the mono mix of channels of one length.
func mean(channels [][]int16) []int16 {
	out := make([]int16, len(channels[0]))
	for i := range out {
		sum := 0
		for _, c := range channels {
			sum += int(c[i])
		}
		out[i] = int16(sum / len(channels))
	}
	return out
}

func g711Clip(law earshot.Codec, side []int16) (Clip, error) {
	encode, level := g711.EncodeULaw, levels.OfULaw
	switch law {
	case earshot.PCMU:
	case earshot.PCMA:
		encode, level = g711.EncodeALaw, levels.OfALaw
	default:
		return Clip{}, fmt.Errorf("%q is no law of G.711: pcmu or pcma", law)
	}
	clip := Clip{Codec: law, Channels: 1}
	payload := encode(make([]byte, 0, len(side)+frameSamples), side)
	quiet, _ := silence(law)
	if rest := len(payload) % frameSamples; rest > 0 {
		payload = append(payload, quiet[rest:]...)
	}
	for ; len(payload) > 0; payload = payload[frameSamples:] {
		p := payload[:frameSamples:frameSamples]
		clip.add(p, frameSamples, level(p))
	}
	if clip.Packets() == 0 {
		return Clip{}, errors.New("there is no audio in the file")
	}
	return clip, nil
}

func decode(f File) (decoded, error) {
	switch strings.ToLower(filepath.Ext(f.Name)) {
	case ".wav":
		return decodeWAV(f.Data)
	case ".mp3":
		return decodeMP3(f.Data)
	}
	return decoded{}, errors.New("its name must end in .opus, .ogg, .wav or .mp3")
}

func decodeWAV(r io.Reader) (decoded, error) {
	in, err := wav.NewReader(r)
	if err != nil {
		return decoded{}, err
	}
	channels, err := resampled(in, in.Rate, in.Channels)
	return decoded{channels: channels, alaw: in.Encoding == wav.ALaw && in.Rate == 8000}, err
}

func decodeMP3(r io.ReadSeeker) (decoded, error) {
	in, err := mp3.NewDecoder(r)
	if errors.Is(err, mp3.ErrUntrusted) {
		return decoded{}, fmt.Errorf("%w; make a .wav of it with ffmpeg first", err)
	}
	if err != nil {
		return decoded{}, err
	}
	info := in.Info()
	channels, err := resampled(in, info.Rate, info.Channels)
	return decoded{channels: channels}, err
}

// resampled reads all samples and brings each channel to 8 kHz.
func resampled(in interface{ Read([]int16) (int, error) }, rate, channels int) ([][]int16, error) {
	out := make([][]int16, channels)
	resamplers := make([]*pcm.Resampler, channels)
	for i := range resamplers {
		resamplers[i] = pcm.NewResampler(rate, 8000)
	}
	buf := make([]int16, 4608*channels)
	var one []int16
	for {
		n, err := readWhole(in, buf)
		for c := range channels {
			one = pcm.Channel(one[:0], buf[:n], channels, c)
			out[c] = resamplers[c].Append(out[c], one)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	for c := range out {
		out[c] = resamplers[c].Finish(out[c])
	}
	return out, nil
}

// readWhole fills buf, so that no sample is torn from its other channels.
func readWhole(in interface{ Read([]int16) (int, error) }, buf []int16) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = in.Read(buf[n:])
		n += k
	}
	return n, err
}
