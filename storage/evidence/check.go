package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"earshot"
	"earshot/storage/ledger"
)

// Bounds of what a checker reads into memory.
const (
	mostText     = 64 << 20
	mostEntries  = 10000
	mostUnpacked = 4 << 30 // of what is compressed: recordings are not
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
	if err := c.open(z, size); err != nil {
		return nil, err
	}
	c.sums()
	c.ledger(key)
	c.witnesses()
	known := map[string]bool{}
	for _, f := range c.m.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := fmt.Sprintf("%s part %d", f.Call, f.Part)
		if known[part] || f.Name != "" && known[f.Name] {
			c.report.add(FindingTwice, f.Name, part)
			continue
		}
		known[part], known[f.Name] = true, true
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

func (c *checker) open(z *zip.Reader, size int64) error {
	if err := bounded(z, size); err != nil {
		return ErrNotPackage.Because(err)
	}
	for _, f := range z.File {
		if !plainFile(f) {
			c.report.add(FindingName, f.Name, "")
		}
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
	if len(c.m.Calls) > earshot.MostPackageCalls || len(c.m.Files) > mostEntries {
		return ErrNotPackage.Because(errors.New("too many calls"))
	}
	return nil
}

// bounded refuses what would keep a checker busy for days: files that lie upon
// one another, or unpack to far more than a package's texts are.
func bounded(z *zip.Reader, size int64) error {
	if len(z.File) > mostEntries {
		return errors.New("too many files")
	}
	var packed, unpacked uint64
	for _, f := range z.File {
		packed += min(f.CompressedSize64, 1<<62/mostEntries)
		if f.Method != zip.Store {
			unpacked += min(f.UncompressedSize64, 1<<62/mostEntries)
		} else if f.UncompressedSize64 != f.CompressedSize64 {
			return fmt.Errorf("%q is not as long as it is", f.Name)
		}
	}
	if packed > uint64(size) {
		return errors.New("its files lie upon one another")
	}
	if unpacked > mostUnpacked {
		return errors.New("it unpacks to more than any package")
	}
	return nil
}

// plainFile says whether the file, or folder, lies inside the package wherever it
// is unpacked, under a name that shows what it is.
func plainFile(f *zip.File) bool {
	name := strings.TrimSuffix(f.Name, "/")
	plain := fs.ValidPath(name) && name != "." && !strings.ContainsFunc(name, func(r rune) bool {
		return r == '\\' || r == ':' || r == utf8.RuneError || !unicode.IsPrint(r)
	})
	return plain && (f.Mode().IsRegular() || f.Mode().IsDir())
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
	if _, err = io.CopyN(h, r, int64(c.files[name].UncompressedSize64)); err == nil {
		err = atEnd(r)
	}
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, r.Close())
}

// atEnd fails where r has more to read, or its checksum is wrong.
func atEnd(r io.Reader) error {
	n, err := io.CopyN(io.Discard, r, 1)
	if n > 0 {
		return errors.New("it is longer than it says")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// file checks one recording: its entry, and its pages against it.
func (c *checker) file(f PackedFile) {
	if f.Missing != "" {
		c.report.add(FindingLost, f.Original, f.Missing)
		return
	}
	if err := f.valid(); err != nil {
		c.report.add(FindingFacts, f.Name, err.Error())
		return
	}
	entry, ok := c.entry(f)
	if !ok {
		return
	}
	c.silences(f)
	if f.Whole {
		c.report.DurationMs += f.ToMs - f.FromMs
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
	if p.File != f.Name || e.File != f.Original {
		c.report.add(FindingFacts, f.Name, "its proof, or its entry in the ledger, is about another file")
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
			f.FromMs < e.StartMs || f.ToMs > e.StartMs+e.DurationMs || f.FromMs < packed.FromMs || f.ToMs > packed.ToMs ||
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

// calls checks that what the package says of its calls is in one piece. Texts are
// compared, so that a package with more facts, or fewer, than are known here
// still holds.
func (c *checker) calls() {
	var m struct{ Calls []json.RawMessage }
	if text, err := c.read(manifestName); err != nil || json.Unmarshal(text, &m) != nil || len(m.Calls) != len(c.m.Calls) {
		c.report.add(FindingFacts, manifestName, errText(err))
		return
	}
	known := map[string]bool{}
	for i, packed := range c.m.Calls {
		name := "calls/" + packed.Call.ID + ".json"
		if known[packed.Call.ID] {
			c.report.add(FindingTwice, name, "")
		}
		known[packed.Call.ID] = true
		var said, want bytes.Buffer
		text, err := c.read(name)
		if err == nil {
			err = errors.Join(json.Compact(&said, text), json.Compact(&want, m.Calls[i]))
		}
		if err != nil || !bytes.Equal(said.Bytes(), want.Bytes()) {
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
