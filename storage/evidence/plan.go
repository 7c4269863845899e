package evidence

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
	"earshot/storage/ledger"
)

// mostPage is the longest piece of a file that the ledger hashes by itself.
const mostPage = 128 << 10

// plan is what of a part's file goes into the package.
type plan struct {
	part     earshot.Part
	size     int64
	head     ogg.OpusHead
	pieces   []pieceFacts
	have     []Range
	replaced []Range
	silenced []Silenced
	whole    bool
	uncut    bool  // it goes in whole, whatever span is asked for
	fromMs   int64 // on the call's timeline
	toMs     int64
	written  []int64 // where each piece that is there begins in the package's file
}

// pieceFacts is one page of an Ogg file, or one block of another.
type pieceFacts struct {
	offset, length int64
	hash           [32]byte
	fromMs, toMs   int64 // what of the call's timeline it holds; equal for a header
	header         bool  // of an Ogg file: there is nothing to hear in it
}

// newPlan reads the file and chooses: all of it, or headers and the pages that
// touch the span; and which of those are to be silenced.
func newPlan(file io.Reader, size int64, part earshot.Part, c PackedCall, silence []earshot.PackageSilence) (*plan, error) {
	p := &plan{part: part, size: size, fromMs: max(c.FromMs, part.StartMs), toMs: min(c.ToMs, part.StartMs+part.DurationMs)}
	if !Cuts(c.Call, part) {
		if err := CheckSilence(c.Call, silence); err != nil {
			return nil, err
		}
		p.uncut, silence = true, nil
	}
	if err := p.measure(file); err != nil {
		return nil, err
	}
	p.choose()
	for _, s := range silence {
		if s.Call == c.Call.ID {
			p.silence(s)
		}
	}
	p.replaced = merged(p.replaced)
	p.whole = len(p.replaced) == 0 && count(p.have) == len(p.pieces)
	return p, nil
}

// measure finds the pieces and what each of them holds.
func (p *plan) measure(file io.Reader) error {
	at, granule := int64(0), int64(0)
	return ledger.Pieces(file, func(piece []byte) error {
		facts := pieceFacts{offset: at, length: int64(len(piece)), hash: ledger.LeafHash(piece)}
		if p.part.Codec == earshot.Opus {
			if page := pageOf(piece); page != nil {
				p.noteHead(page)
				facts.header = page.Granule == 0
				from := granule
				if page.Granule != ogg.NoGranule {
					granule = max(granule, page.Granule)
				}
				facts.fromMs, facts.toMs = p.opusMs(from), p.opusMs(granule)
			} else {
				facts.fromMs, facts.toMs = p.opusMs(granule), p.opusMs(granule)
			}
		} else {
			facts.fromMs, facts.toMs = p.wavMs(at), p.wavMs(at+facts.length)
		}
		p.pieces = append(p.pieces, facts)
		at += facts.length
		return nil
	})
}

// pageOf is the piece as an Ogg page, nil if it is none.
func pageOf(piece []byte) *ogg.Page {
	page, err := ogg.NewScanner(bytes.NewReader(piece)).Next()
	if err != nil || page.Size != len(piece) {
		return nil
	}
	return page
}

func (p *plan) noteHead(page *ogg.Page) {
	if len(p.pieces) == 0 {
		if head, err := ogg.ParseOpusHead(page.Body); err == nil {
			p.head = head
		}
	}
}

// opusMs is a granule's place on the call's timeline.
func (p *plan) opusMs(granule int64) int64 {
	return p.part.StartMs + max(0, granule-int64(p.head.PreSkip))/48
}

// wavMs is the place of a byte of a G.711 file.
func (p *plan) wavMs(offset int64) int64 {
	return p.part.StartMs + max(0, offset-wav.HeaderBytes)/int64(8*max(1, p.part.Channels))
}

// choose takes what the span needs.
func (p *plan) choose() {
	if p.uncut || p.fromMs <= p.part.StartMs && p.toMs >= p.part.StartMs+p.part.DurationMs {
		p.have = []Range{{0, len(p.pieces)}}
		return
	}
	for i, piece := range p.pieces {
		header := p.part.Codec == earshot.Opus && piece.toMs == p.part.StartMs
		if header || piece.fromMs < p.toMs && piece.toMs > p.fromMs {
			p.have = append(p.have, Range{i, i + 1})
		}
	}
	p.have = merged(p.have)
}

// silence notes the pages that a silenced stretch touches.
func (p *plan) silence(s earshot.PackageSilence) {
	pages := Range{-1, -1}
	real := [2]int64{}
	for i, piece := range p.pieces {
		if piece.header || piece.fromMs >= s.ToMs || piece.toMs <= s.FromMs || !holds(p.have, i) {
			continue
		}
		if pages.From < 0 {
			pages.From, real[0] = i, piece.fromMs
		}
		pages.To, real[1] = i+1, piece.toMs
	}
	if pages.From < 0 {
		return
	}
	p.replaced = append(p.replaced, pages)
	p.silenced = append(p.silenced, Silenced{PackageSilence: s, Part: p.part.N, Pages: pages, RealMs: real})
}

// merged joins ranges that touch. They come in order of their beginnings, or
// nearly so.
func merged(ranges []Range) []Range {
	in := map[int]bool{}
	last := 0
	for _, r := range ranges {
		for i := r.From; i < r.To; i++ {
			in[i] = true
		}
		last = max(last, r.To)
	}
	out := []Range{}
	for i := range last {
		if !in[i] {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To == i {
			out[n-1].To = i + 1
		} else {
			out = append(out, Range{i, i + 1})
		}
	}
	return out
}

// packed is what the manifest says of the file.
func (p *plan) packed(call string) PackedFile {
	f := PackedFile{
		Call: call, Part: p.part.N, Original: p.part.File, Algorithm: string(ledger.SHA256),
		SHA256: p.part.SHA256, Bytes: p.part.Bytes, Pages: len(p.pieces), Have: p.have, Replaced: p.replaced,
		Whole: p.whole, FromMs: p.fromMs, ToMs: p.toMs, Prefix: int64(len(p.prefix())),
	}
	base := path.Base(p.part.File)
	ext := path.Ext(base)
	name := base[:len(base)-len(ext)]
	switch {
	case p.whole:
	case count(p.have) == len(p.pieces):
		name += "-silenced"
	default:
		name += fmt.Sprintf("-%d-%d", p.fromMs/1000, p.toMs/1000)
	}
	f.Name = "audio/" + name + ext
	leaves := make([][32]byte, len(p.pieces))
	for i, piece := range p.pieces {
		leaves[i] = piece.hash
	}
	root := ledger.RootOf(leaves)
	f.Root = hex.EncodeToString(root[:])
	return f
}

// prefix is the new header of a G.711 excerpt that begins inside its file.
func (p *plan) prefix() []byte {
	if p.part.Codec == earshot.Opus || count(p.have) == len(p.pieces) {
		return nil
	}
	encoding, err := wav.Of(p.part.Codec)
	if err != nil {
		return nil
	}
	bytes := int64(0)
	for i, piece := range p.pieces {
		if holds(p.have, i) {
			bytes += piece.length
		}
	}
	return wav.AppendHeader(nil, encoding, p.part.Channels, bytes)
}

// write copies what is wanted of the file.
func (p *plan) write(ctx context.Context, w io.Writer, file io.ReadSeeker) error {
	p.written = make([]int64, len(p.pieces))
	prefix := p.prefix()
	if _, err := w.Write(prefix); err != nil {
		return err
	}
	at := int64(len(prefix))
	buf := make([]byte, 0, mostPage)
	for i, piece := range p.pieces {
		p.written[i] = -1
		if !holds(p.have, i) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := file.Seek(piece.offset, io.SeekStart); err != nil {
			return err
		}
		buf = append(buf[:0], make([]byte, piece.length)...)
		if _, err := io.ReadFull(file, buf); err != nil {
			return err
		}
		if ledger.LeafHash(buf) != piece.hash {
			return errors.New("the file changed while it was read")
		}
		out, err := p.shown(i, buf)
		if err != nil {
			return err
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		if !holds(p.replaced, i) {
			p.written[i] = at
		}
		at += int64(len(out))
	}
	return nil
}

// shown is the piece as the package has it: as it is, or silent.
func (p *plan) shown(i int, piece []byte) ([]byte, error) {
	if !holds(p.replaced, i) {
		return piece, nil
	}
	if p.part.Codec == earshot.Opus {
		page := pageOf(piece)
		if page == nil {
			return nil, nil // damaged bytes hold nothing that could be heard
		}
		return silencePage(page, p.head)
	}
	out := bytes.Repeat([]byte{silenceByte(p.part.Codec)}, len(piece))
	if i == 0 {
		copy(out, piece[:min(len(piece), wav.HeaderBytes)])
	}
	return out, nil
}

// silenceByte is silence in G.711.
func silenceByte(codec earshot.Codec) byte {
	if codec == earshot.PCMA {
		return 0xD5
	}
	return 0xFF
}

// lines are all pages with their places in the package's file.
func (p *plan) lines() []leafLine {
	lines := make([]leafLine, len(p.pieces))
	for i, piece := range p.pieces {
		lines[i] = leafLine{p.written[i], piece.length, piece.hash}
	}
	return lines
}
