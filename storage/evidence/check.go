package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
	"earshot/storage/ledger"
)

// Bounds of what a checker reads into memory.
const (
	mostText    = 64 << 20
	mostEntries = 10000
)

// ErrNotPackage means that a file is no evidence package, or one of a format
// that is not known here.
var ErrNotPackage = earshot.Fail(earshot.Invalid, "not_a_package", "this is not an evidence package that can be checked here")

// Check verifies a package of size bytes, offline. key is a fingerprint that was
// had another way, or empty. What does not hold is in the report; an error means
// that there is nothing to report on.
func Check(ctx context.Context, r io.ReaderAt, size int64, key string) (*Report, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, ErrNotPackage.Because(err)
	}
	c := &checker{ctx: ctx, files: map[string]*zip.File{}, report: &Report{}}
	if err := c.open(z); err != nil {
		return nil, err
	}
	c.sums()
	c.ledger(key)
	c.witnesses()
	for _, f := range c.m.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.file(f)
	}
	c.calls()
	c.report.finish(&c.m)
	return c.report, nil
}

// checker is the check of one package.
type checker struct {
	ctx    context.Context
	files  map[string]*zip.File
	m      Manifest
	head   *ledger.Head // nil where it does not hold
	seen   []witnessed
	report *Report
}

// witnessed is a head that somebody else kept and that fits.
type witnessed struct {
	name   string
	at     earshot.Time
	size   int64
	signed bool // the time is signed by who saw it
}

func (c *checker) open(z *zip.Reader) error {
	if len(z.File) > mostEntries {
		return ErrNotPackage.Because(errors.New("too many files"))
	}
	for _, f := range z.File {
		if c.files[f.Name] != nil {
			c.report.add(FindingTwice, f.Name, "")
		}
		c.files[f.Name] = f
	}
	text, err := c.read(manifestName)
	if err != nil {
		return ErrNotPackage.Because(err)
	}
	if err := json.Unmarshal(text, &c.m); err != nil {
		return ErrNotPackage.Because(err)
	}
	if c.m.Format != Format {
		return ErrNotPackage.Because(fmt.Errorf("its format is %q, not %q", c.m.Format, Format))
	}
	return nil
}

// read is all of one file of the package, which must not be long.
func (c *checker) read(name string) ([]byte, error) {
	f := c.files[name]
	if f == nil {
		return nil, fmt.Errorf("%s is not there", name)
	}
	if f.UncompressedSize64 > mostText {
		return nil, fmt.Errorf("%s is too long", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, mostText+1))
	return text, errors.Join(err, r.Close())
}

// sums compares every file with SHA256SUMS.
func (c *checker) sums() {
	text, err := c.read(sumsName)
	if err != nil {
		c.report.add(FindingMissing, sumsName, err.Error())
		return
	}
	listed := map[string]bool{sumsName: true}
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		want, name, ok := strings.Cut(line, "  ")
		if !ok {
			c.report.add(FindingAltered, sumsName, "a line that names no file")
			continue
		}
		listed[name] = true
		if c.files[name] == nil {
			c.report.add(FindingMissing, name, "")
			continue
		}
		if got, err := c.sum(name); err != nil || got != want {
			c.report.add(FindingAltered, name, errText(err))
		}
	}
	for name := range c.files {
		if !listed[name] && !strings.HasSuffix(name, "/") {
			c.report.add(FindingExtra, name, "")
		}
	}
}

func (c *checker) sum(name string) (string, error) {
	r, err := c.files[name].Open()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, r.Close())
}

// ledger checks key and head.
func (c *checker) ledger(key string) {
	text, err := c.read(keyName)
	if err != nil {
		c.report.add(FindingKey, keyName, err.Error())
		return
	}
	public, err := ledger.ParsePublicPEM(text)
	if err != nil {
		c.report.add(FindingKey, keyName, err.Error())
		return
	}
	c.report.Fingerprint = ledger.Fingerprint(public)
	if key != "" {
		c.report.KeyGiven = true
		if !sameDigits(key, c.report.Fingerprint) {
			c.report.add(FindingOtherKey, keyName, c.report.Fingerprint)
		}
	}
	note, err := c.read(headName)
	if err != nil {
		c.report.add(FindingHead, headName, err.Error())
		return
	}
	head, err := ledger.CheckHead(note, public)
	if err != nil {
		c.report.add(FindingHead, headName, errText(err))
		return
	}
	c.head = &head
	c.report.HeadAt, c.report.HeadSize = head.At, head.Size
	c.detached(head, public)
}

// detached checks that what openssl is shown is what the note says.
func (c *checker) detached(head ledger.Head, public ed25519.PublicKey) {
	body, signature, err := ledger.Detach(head.Note, public)
	if err != nil {
		c.report.add(FindingHead, headName, errText(err))
		return
	}
	for name, want := range map[string][]byte{textName: body, sigName: signature} {
		if got, err := c.read(name); err != nil || !bytes.Equal(got, want) {
			c.report.add(FindingHead, name, errText(err))
		}
	}
}

// witnesses checks that what witnesses kept is a beginning of the ledger.
func (c *checker) witnesses() {
	if c.head == nil {
		return
	}
	key, err := c.read(keyName)
	if err != nil {
		return // said already
	}
	for _, w := range c.m.Ledger.Witnesses {
		text, err := c.read(w.File)
		if err != nil {
			c.report.add(FindingWitness, w.File, err.Error())
			continue
		}
		old, err := ledger.ParseHead(text)
		if err == nil {
			err = ledger.CheckConsistency(old, *c.head, unhexAll(w.Proof))
		}
		if err != nil {
			c.report.add(FindingWitness, w.File, errText(err))
			continue
		}
		if public, err := ledger.ParsePublicPEM(key); err == nil {
			if _, err := ledger.CheckHead(text, public); err != nil {
				c.report.add(FindingWitness, w.File, errText(err))
				continue
			}
		}
		if seen, err := c.stamped(w, text); err != nil {
			c.report.add(FindingWitness, w.Receipt, errText(err))
		} else {
			seen.size = old.Size
			c.seen = append(c.seen, seen)
		}
	}
}

// stamped is when, and by whom, a witness's copy was seen. A time-stamp authority
// signs the time; of any other witness only the package says it.
func (c *checker) stamped(w PackedWitness, note []byte) (witnessed, error) {
	if w.Kind != kindTSA {
		return witnessed{name: w.Name, at: w.At}, nil
	}
	receipt, err := c.read(w.Receipt)
	if err != nil {
		return witnessed{}, err
	}
	at, by, err := ledger.CheckTimestamp(receipt, note, nil)
	return witnessed{name: by, at: at, signed: true}, err
}

// kindTSA is the kind of a witness that is a time-stamp authority (RFC 3161).
const kindTSA = "tsa"

// file checks one recording: its entry, and its pages against it.
func (c *checker) file(f PackedFile) {
	if f.Missing != "" {
		c.report.add(FindingLost, f.Original, f.Missing)
		return
	}
	entry, ok := c.entry(f)
	if !ok {
		return
	}
	if f.Whole {
		if c.files[f.Name] == nil {
			c.report.add(FindingMissing, f.Name, "")
		} else if sum, err := c.sum(f.Name); err != nil || sum != entry.SHA256 {
			c.report.add(FindingAudio, f.Name, errText(err))
		}
		return
	}
	c.pages(f, entry)
}

// entry checks that the file's record stands in the ledger, and says what the
// manifest says.
func (c *checker) entry(f PackedFile) (ledger.Entry, bool) {
	text, err := c.read(f.Proof)
	if err != nil {
		c.report.add(FindingProof, f.Proof, err.Error())
		return ledger.Entry{}, false
	}
	p, err := parseProof(text)
	if err != nil {
		c.report.add(FindingProof, f.Proof, err.Error())
		return ledger.Entry{}, false
	}
	if c.head == nil {
		return ledger.Entry{}, false // nothing to prove it against; said already
	}
	if err := ledger.CheckEntry(*c.head, p.Index, p.Entry, p.Hashes); err != nil || p.Size != c.head.Size {
		c.report.add(FindingProof, f.Proof, errText(err))
		return ledger.Entry{}, false
	}
	e, err := ledger.ParseEntry(p.Entry)
	if err != nil || e.Kind != ledger.KindPart || e.Call != f.Call || e.N != f.Part || e.SHA256 != f.SHA256 || e.Bytes != f.Bytes || e.Pages != f.Root || e.PageCount != int64(f.Pages) {
		c.report.add(FindingFacts, f.Name, "its entry in the ledger says something else")
		return ledger.Entry{}, false
	}
	c.facts(f, e)
	c.report.prove(f, c.since(p.Index))
	return e, true
}

// facts checks that the call says of itself what the ledger's entry does.
func (c *checker) facts(f PackedFile, e ledger.Entry) {
	for _, packed := range c.m.Calls {
		if packed.Call.ID != f.Call {
			continue
		}
		i := slices.IndexFunc(packed.Call.Parts, func(p earshot.Part) bool { return p.N == f.Part })
		if packed.Call.Seat != e.Seat || !packed.Call.StartedAt.Equal(e.StartedAt.Time) || i < 0 ||
			packed.Call.Parts[i].StartMs != e.StartMs || packed.Call.Parts[i].DurationMs != e.DurationMs {
			c.report.add(FindingFacts, "calls/"+f.Call+".json", "seat, start or length differ from the ledger's entry")
		}
		return
	}
	c.report.add(FindingFacts, f.Name, "its call is not in the package")
}

// since is the first instant at which somebody else had seen the entry, by who
// signs times if there is one.
func (c *checker) since(index int64) (first witnessed) {
	for _, w := range c.seen {
		if w.size <= index {
			continue
		}
		if first.at.IsZero() || w.signed && !first.signed || w.signed == first.signed && w.at.Before(first.at.Time) {
			first = w
		}
	}
	return first
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
	if err := errors.Join(c.walk(f, leaves, r), r.Close()); err != nil {
		c.report.add(FindingAudio, f.Name, err.Error())
	}
}

// walk reads the file page by page.
func (c *checker) walk(f PackedFile, leaves []leafLine, r io.Reader) error {
	if f.Prefix != 0 && f.Prefix != wav.HeaderBytes {
		return errors.New("it begins with something that is no page")
	}
	if _, err := io.CopyN(io.Discard, r, f.Prefix); err != nil {
		return err
	}
	at, head := f.Prefix, ogg.OpusHead{}
	for i, leaf := range leaves {
		if !holds(f.Have, i) {
			continue
		}
		if holds(f.Replaced, i) {
			n, err := c.silent(f, i, leaf, head, r)
			if err != nil {
				return err
			}
			at += n
			continue
		}
		if leaf.Offset != at {
			return fmt.Errorf("page %d lies elsewhere than its proof says", i)
		}
		page := make([]byte, leaf.Length)
		if _, err := io.ReadFull(r, page); err != nil {
			return fmt.Errorf("page %d: %w", i, err)
		}
		if ledger.LeafHash(page) != leaf.Hash {
			return fmt.Errorf("page %d has been altered", i)
		}
		at += leaf.Length
		if i == 0 {
			if first := pageOf(page); first != nil {
				head, _ = ogg.ParseOpusHead(first.Body) // a file without one has no Opus to be silent
			}
		}
	}
	if n, err := io.Copy(io.Discard, r); n > 0 || err != nil {
		return fmt.Errorf("%d bytes too many at its end", n)
	}
	return nil
}

// silent reads a replaced page and refuses one in which anything is to be heard.
func (c *checker) silent(f PackedFile, i int, leaf leafLine, head ogg.OpusHead, r io.Reader) (int64, error) {
	if strings.HasSuffix(f.Name, ".opus") {
		page, err := readPage(r)
		if err != nil {
			return 0, fmt.Errorf("page %d: %w", i, err)
		}
		if parsed := pageOf(page); parsed == nil || !silent(parsed, head) {
			return 0, fmt.Errorf("page %d should be silent and is not", i)
		}
		return int64(len(page)), nil
	}
	block := make([]byte, leaf.Length)
	if _, err := io.ReadFull(r, block); err != nil {
		return 0, fmt.Errorf("page %d: %w", i, err)
	}
	audio := block
	if i == 0 {
		audio = block[min(len(block), wav.HeaderBytes):]
	}
	for _, b := range audio {
		if b != audio[0] || b != 0xFF && b != 0xD5 {
			return 0, fmt.Errorf("page %d should be silent and is not", i)
		}
	}
	return leaf.Length, nil
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

// calls checks that what the package says of its calls is in one piece.
func (c *checker) calls() {
	for _, packed := range c.m.Calls {
		name := "calls/" + packed.Call.ID + ".json"
		text, err := c.read(name)
		want, failed := json.MarshalIndent(packed, "", " ")
		if err = errors.Join(err, failed); err != nil || !bytes.Equal(bytes.TrimSuffix(text, []byte("\n")), want) {
			c.report.add(FindingFacts, name, errText(err))
		}
		c.complete(name, packed)
	}
}

// complete checks that a call is whole if and only if it is said to be.
func (c *checker) complete(name string, packed PackedCall) {
	whole := packed.FromMs == 0 && packed.ToMs == packed.Call.DurationMs
	for _, part := range packed.Call.Parts {
		i := slices.IndexFunc(c.m.Files, func(f PackedFile) bool { return f.Call == packed.Call.ID && f.Part == part.N })
		if packed.Whole && i < 0 {
			c.report.add(FindingMissing, part.File, "a part of a call that is said to be whole")
		}
		if i >= 0 && c.m.Files[i].Missing == "" {
			whole = whole && count(c.m.Files[i].Have) == c.m.Files[i].Pages
		}
	}
	if packed.Whole != whole {
		c.report.add(FindingFacts, name, "how much of the call is here")
	}
}

// sameDigits compares fingerprints however they are grouped.
func sameDigits(a, b string) bool {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'f' {
				return r
			}
			return -1
		}, strings.ToLower(s))
	}
	return digits(a) == digits(b)
}

func unhexAll(hashes []string) [][32]byte {
	var all [][32]byte
	for _, text := range hashes {
		h, err := hex.DecodeString(text)
		if err != nil || len(h) != sha256.Size {
			return nil
		}
		all = append(all, [32]byte(h))
	}
	return all
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
