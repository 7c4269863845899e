package evidence

import (
	"bytes"
	"errors"
	"fmt"

	"earshot/audio/ogg"
	"earshot/audio/opus"
)

// errUncut means that a packet lies on several pages: our recorder never writes
// such pages, and one of them cannot be silenced alone.
var errUncut = errors.New("a packet goes over the page's end")

// silencePage makes a page of the same place and length in which every packet is
// filler.
func silencePage(page *ogg.Page, head ogg.OpusHead) ([]byte, error) {
	if page.Flags&ogg.Continued != 0 {
		return nil, errUncut
	}
	w := ogg.NewWriter(page.Serial)
	w.Sequence = page.Sequence
	var out []byte
	var failed error
	page.Packets(func(packet []byte, whole bool) bool {
		var filler []byte
		if !whole {
			failed = errUncut
		} else if filler, failed = silencePacket(packet, head); failed == nil {
			out = w.Packet(out, filler, page.Granule)
		}
		return failed == nil
	})
	if failed != nil {
		return nil, fmt.Errorf("silence page %d: %w", page.Sequence, failed)
	}
	if page.Flags&ogg.Last != 0 {
		return w.Finish(out), nil
	}
	return w.Flush(out), nil
}

// silencePacket is a packet as long as the one given, of empty frames alone.
func silencePacket(packet []byte, head ogg.OpusHead) ([]byte, error) {
	samples, err := packetSamples(packet, head.Streams)
	if err != nil {
		return nil, err
	}
	filler, err := opus.AppendFiller(nil, samples)
	if err != nil {
		return nil, err
	}
	if head.Streams == 1 {
		if head.Coupled > 0 {
			filler[0] |= 4 // stereo
		}
		return filler, nil
	}
	var out []byte
	for range head.Streams - 1 {
		if out, err = opus.SelfDelimit(out, filler); err != nil {
			return nil, err
		}
	}
	return append(out, filler...), nil
}

// silent says whether every packet on the page is filler.
func silent(page *ogg.Page, head ogg.OpusHead) bool {
	all := true
	page.Packets(func(packet []byte, whole bool) bool {
		all = whole && isFiller(packet, head.Streams)
		return all
	})
	return all
}

// isFiller says whether a packet is nothing but the empty frames that stand for
// audio that is not there.
func isFiller(packet []byte, streams int) bool {
	for i := range streams {
		one := packet
		if i < streams-1 {
			first, rest, err := opus.SplitSelfDelimited(packet)
			if err != nil {
				return false
			}
			one, packet = first, rest
		}
		p, err := opus.Parse(one)
		if err != nil {
			return false
		}
		if len(bytes.Join(p.Frames, nil)) > 0 {
			return false
		}
	}
	return true
}
