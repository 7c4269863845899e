package evidence

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
	"earshot/storage/ledger"
)

// silences checks that what was replaced is what is said to be silenced.
func (c *checker) silences(f PackedFile) {
	var said []Range
	for _, s := range c.m.Silenced {
		if s.Call != f.Call || s.Part != f.Part {
			continue
		}
		if s.Pages.From < 0 || s.Pages.To > f.Pages {
			c.report.add(FindingFacts, f.Name, "a silenced stretch lies outside of it")
			return
		}
		said = append(said, s.Pages)
	}
	if !slices.Equal(merged(said), merged(f.Replaced)) {
		c.report.add(FindingFacts, f.Name, "other pages are replaced than are listed as silenced")
	}
}

// pages checks an excerpt, or a file with silenced pages: each page that is
// there has the hash it had, or is silent and listed; nothing lies between.
func (c *checker) pages(f PackedFile, e ledger.Entry) {
	text, err := c.read(f.Leaves)
	var leaves []leafLine
	if err == nil {
		leaves, err = parseLeaves(text)
	}
	if err != nil {
		c.report.add(FindingProof, f.Leaves, err.Error())
		return
	}
	hashes := make([][32]byte, len(leaves))
	for i := range leaves {
		hashes[i] = leaves[i].Hash
	}
	if root := ledger.RootOf(hashes); hex.EncodeToString(root[:]) != e.Pages || int64(len(leaves)) != e.PageCount {
		c.report.add(FindingProof, f.Leaves, "the pages' hashes do not make the root in the ledger")
		return
	}
	if c.files[f.Name] == nil {
		c.report.add(FindingMissing, f.Name, "")
		return
	}
	r, err := c.files[f.Name].Open()
	if err != nil {
		c.report.add(FindingAudio, f.Name, err.Error())
		return
	}
	w := &walk{f: f, e: e, leaves: leaves, r: r, opus: path.Ext(e.File) == ".opus", part: c.part(f)}
	if err := errors.Join(w.run(), r.Close()); err != nil {
		c.report.add(FindingAudio, f.Name, err.Error())
		return
	}
	c.report.DurationMs += max(0, min(f.ToMs, w.toMs)-max(f.FromMs, w.fromMs))
}

// part is what the package says of the part.
func (c *checker) part(f PackedFile) (part earshot.Part) {
	for _, packed := range c.m.Calls {
		for _, p := range packed.Call.Parts {
			if packed.Call.ID == f.Call && p.N == f.Part {
				part = p
			}
		}
	}
	return part
}

// walk is one way through an excerpt or a file with silenced pages.
type walk struct {
	f      PackedFile
	e      ledger.Entry
	part   earshot.Part
	leaves []leafLine
	r      io.Reader
	opus   bool

	at      int64 // in the package's file
	head    ogg.OpusHead
	serial  uint32
	granule int64 // where the last page ended; 0 while there were but headers
	began   bool  // there was a page of audio
	torn    bool  // the last page was damaged: where it ended is not known
	fromMs  int64 // on the call's timeline, what the pages hold
	toMs    int64
}

func (w *walk) run() error {
	if err := w.prefix(); err != nil {
		return err
	}
	before := -1
	for i, leaf := range w.leaves {
		if !holds(w.f.Have, i) {
			continue
		}
		if i != before+1 && (w.began || w.opus && i < 1) {
			return fmt.Errorf("pages are left out before page %d", i)
		}
		if err := w.piece(i, leaf, i != before+1); err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
		before = i
	}
	if err := atEnd(w.r); err != nil {
		return err
	}
	if w.began && before != len(w.leaves)-1 && w.toMs < w.f.ToMs {
		return fmt.Errorf("it ends at %d ms of the call, not at %d", w.toMs, w.f.ToMs)
	}
	return nil
}

// prefix checks the header that an excerpt of G.711 gets.
func (w *walk) prefix() error {
	if w.f.Prefix == 0 {
		return nil
	}
	encoding, err := wav.Of(w.part.Codec)
	if err != nil || w.opus || w.f.Prefix != wav.HeaderBytes {
		return errors.New("it begins with something that is no page")
	}
	data := int64(0)
	for i, leaf := range w.leaves {
		if holds(w.f.Have, i) {
			data += leaf.Length
		}
	}
	header := make([]byte, wav.HeaderBytes)
	if _, err := io.ReadFull(w.r, header); err != nil {
		return err
	}
	if !bytes.Equal(header, wav.AppendHeader(nil, encoding, w.channels(), data)) {
		return errors.New("its header is not one that fits what follows")
	}
	w.at = w.f.Prefix
	return nil
}

// channels is how many channels a G.711 recording has, by its length and size in
// the ledger.
func (w *walk) channels() int {
	if w.e.Bytes-wav.HeaderBytes > 12*w.e.DurationMs {
		return 2
	}
	return 1
}

// piece reads one page, or block; late says that pages before it were left out.
func (w *walk) piece(i int, leaf leafLine, late bool) error {
	if holds(w.f.Replaced, i) {
		return w.silent(i, leaf)
	}
	if leaf.Offset != w.at {
		return errors.New("it lies elsewhere than its proof says")
	}
	page := make([]byte, leaf.Length)
	if _, err := io.ReadFull(w.r, page); err != nil {
		return err
	}
	if ledger.LeafHash(page) != leaf.Hash {
		return errors.New("it has been altered")
	}
	w.at += leaf.Length
	if !w.opus {
		return w.block(i, leaf)
	}
	parsed := pageOf(page)
	if parsed == nil {
		w.torn = true
		return nil // damaged before it came into the ledger: nobody can hear it
	}
	if i == 0 {
		w.head, _ = ogg.ParseOpusHead(parsed.Body) // without one nothing is taken for silent
		w.serial = parsed.Serial
	}
	return w.heard(parsed, late)
}

// heard notes where a page of audio lies. Granules have no holes.
func (w *walk) heard(page *ogg.Page, late bool) error {
	if page.Granule <= 0 { // a header
		return nil
	}
	from := page.Granule - pageSamples(page, w.head)
	if !w.began {
		w.began, w.fromMs = true, w.ms(from)
		if late && w.fromMs > w.f.FromMs {
			return fmt.Errorf("it begins at %d ms of the call, not at %d", w.fromMs, w.f.FromMs)
		}
	} else if from > w.granule && !w.torn {
		return fmt.Errorf("%d samples are missing before it", from-w.granule)
	}
	w.torn, w.granule, w.toMs = false, page.Granule, w.ms(page.Granule)
	return nil
}

// ms is a granule's place on the call's timeline.
func (w *walk) ms(granule int64) int64 {
	return w.e.StartMs + max(0, granule-int64(w.head.PreSkip))/48
}

// block notes where a block of G.711 lies.
func (w *walk) block(i int, leaf leafLine) error {
	offset, rate := int64(i)*ledger.BlockBytes, int64(8*w.channels())
	if leaf.Length != min(ledger.BlockBytes, w.e.Bytes-offset) {
		return errors.New("it is not as long as a block")
	}
	from := w.e.StartMs + max(0, offset-wav.HeaderBytes)/rate
	if !w.began {
		w.began, w.fromMs = true, from
		if from > max(w.f.FromMs, w.e.StartMs) {
			return fmt.Errorf("it begins at %d ms of the call, not at %d", from, w.f.FromMs)
		}
	}
	w.toMs = w.e.StartMs + max(0, offset+leaf.Length-wav.HeaderBytes)/rate
	return nil
}

// silent reads a replaced page and refuses one in which anything is to be heard,
// or that is longer than what it stands for.
func (w *walk) silent(i int, leaf leafLine) error {
	if !w.opus {
		return w.silentBlock(i, leaf)
	}
	page, err := readPage(w.r)
	if err != nil {
		return err
	}
	w.at += int64(len(page))
	parsed := pageOf(page)
	if parsed == nil || w.head.Streams == 0 || parsed.Serial != w.serial || parsed.Granule <= 0 || !silent(parsed, w.head) {
		return errors.New("it should be silent and is not")
	}
	if w.began && parsed.Granule-pageSamples(parsed, w.head) < w.granule-shortest && !last(parsed) {
		return errors.New("its silence is longer than what it stands for")
	}
	return w.heard(parsed, false)
}

// shortest is how many samples the shortest Opus frame is long: 2.5 ms.
const shortest = 120

func last(page *ogg.Page) bool { return page.Flags&ogg.Last != 0 }

func (w *walk) silentBlock(i int, leaf leafLine) error {
	block := make([]byte, leaf.Length)
	if _, err := io.ReadFull(w.r, block); err != nil {
		return err
	}
	w.at += leaf.Length
	audio := block
	if i == 0 {
		n := min(len(block), wav.HeaderBytes)
		if !w.ownHeader(block[:n]) {
			return errors.New("its header is not one that fits what follows")
		}
		audio = block[n:]
	}
	for _, b := range audio {
		if b != audio[0] || b != 0xFF && b != 0xD5 {
			return errors.New("it should be silent and is not")
		}
	}
	return w.block(i, leaf)
}

// ownHeader says whether a G.711 recording of this length begins so. One of an odd
// length has a byte more than its header says.
func (w *walk) ownHeader(header []byte) bool {
	encoding, err := wav.Of(w.part.Codec)
	for pad := range int64(2) {
		data := w.e.Bytes - wav.HeaderBytes - pad
		if err == nil && bytes.Equal(header, wav.AppendHeader(nil, encoding, w.channels(), data)) {
			return true
		}
	}
	return false
}

// pageSamples is how long the packets of a page are, in samples at 48 kHz.
func pageSamples(page *ogg.Page, head ogg.OpusHead) (n int64) {
	page.Packets(func(packet []byte, _ bool) bool {
		if long, err := packetSamples(packet, head.Streams); err == nil {
			n += int64(long)
		}
		return true
	})
	return n
}

// readPage reads one Ogg page.
func readPage(r io.Reader) ([]byte, error) {
	page := make([]byte, 27, 512)
	if _, err := io.ReadFull(r, page); err != nil {
		return nil, err
	}
	page = append(page, make([]byte, page[26])...)
	if _, err := io.ReadFull(r, page[27:]); err != nil {
		return nil, err
	}
	body := 0
	for _, n := range page[27:] {
		body += int(n)
	}
	at := len(page)
	page = append(page, make([]byte, body)...)
	_, err := io.ReadFull(r, page[at:])
	return page, err
}
