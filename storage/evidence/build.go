package evidence

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	_ "embed"

	"earshot"
	"earshot/storage/ledger"
)

//go:embed guide.txt
var guideText string

//go:embed guide.zh.txt
var guideTextZh string

//go:embed check.sh
var checkScript string

// Input is all that a package is made of.
type Input struct {
	Package        earshot.Package // what is asked for, by whom, and when
	Site, Software string
	Zone           *time.Location
	Calls          []CallInput // in the order of Package.Calls
	Head           ledger.Head
	Key            ledger.Key
	Witnesses      []Witness
	// Open opens a file of the archive; fs.ErrNotExist where it is lost.
	Open func(name string) (io.ReadSeekCloser, int64, error)
	// Decode has files that were brought in decoded for the mix; none: they are
	// silent in it.
	Decode Decode
	// TempDir is where copies lie while the package is made.
	TempDir string
}

// CallInput is one call with what is known about it.
type CallInput struct {
	Call                 earshot.Call
	SeatName, BranchName string
	Audit                []earshot.Audit
	Levels               earshot.Levels
	Parts                []PartInput // of the parts that are in the ledger
}

// PartInput is a part's entry in the ledger and the proof that it is in Head.
type PartInput struct {
	N     int
	Index int64
	Entry []byte // the record's text, without its newline
	Proof [][32]byte
}

// Witness is a copy of a head that a witness kept, with the proof that Head has
// grown from it.
type Witness struct {
	Name, Kind string
	At         earshot.Time
	Head       ledger.Head
	Receipt    []byte // what the witness answered; may be empty
	Proof      [][32]byte
}

// Write makes the package. progress, if given, is told how much of the work is
// done, 0 to 1. It fails with earshot.Errors of wrong input, and where a part is
// not in the ledger yet (`not_in_ledger`).
func Write(ctx context.Context, w io.Writer, in Input, progress func(float64)) (*Manifest, error) {
	if err := in.Package.Validate(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(float64) {}
	}
	b := &builder{ctx: ctx, in: in, zip: zip.NewWriter(w), progress: progress}
	b.m = &Manifest{
		Format: Format, ID: in.Package.ID, Title: in.Package.Title, Reason: in.Package.Reason, By: in.Package.By, At: in.Package.At,
		Site: in.Site, Software: in.Software, Language: in.Package.Language, Timezone: in.Zone.String(),
		Calls: []PackedCall{}, Files: []PackedFile{}, Silenced: []Silenced{}, Derived: []DerivedFile{},
	}
	defer b.clear()
	if err := b.all(); err != nil {
		return nil, err
	}
	return b.m, nil
}

// builder is the making of one package.
type builder struct {
	ctx      context.Context
	in       Input
	zip      *zip.Writer
	m        *Manifest
	sums     strings.Builder
	temps    []string
	progress func(float64)
}

func (b *builder) all() error {
	if err := b.ledger(); err != nil {
		return err
	}
	levels := map[string]earshot.Levels{}
	for i, c := range b.in.Calls {
		if err := b.call(b.in.Package.Calls[i], c); err != nil {
			return err
		}
		levels[c.Call.ID] = c.Levels
		b.progress(float64(i+1) / float64(len(b.in.Calls)+1))
	}
	steps := []func() error{
		func() error { return b.json(manifestName, b.m) },
		func() error {
			return b.put(pageName, func(w io.Writer) error { return writePage(w, b.m, levels, b.in.Zone) })
		},
		func() error { return b.text(guideName, guideText) },
		func() error { return b.text(guideNameZh, guideTextZh) },
		func() error { return b.text(scriptName, checkScript) },
		func() error { return b.text(sumsName, b.sums.String()) },
		b.zip.Close,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("write the package: %w", err)
		}
	}
	b.progress(1)
	return nil
}

// ledger puts head, signature, key and the witnesses' copies in.
func (b *builder) ledger() error {
	head := b.in.Head
	body, signature, err := ledger.Detach(head.Note, b.in.Key.Public)
	if err != nil {
		return err
	}
	b.m.Ledger = PackedLedger{
		Head: headName, Size: head.Size, Root: hex.EncodeToString(head.Root[:]), SignedAt: head.At,
		Key: keyName, Fingerprint: b.in.Key.Fingerprint, Algorithm: string(head.Algorithm), Witnesses: []PackedWitness{},
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{headName, head.Note}, {textName, body}, {sigName, signature}, {keyName, b.in.Key.PEM()}} {
		if err := b.text(f.name, string(f.data)); err != nil {
			return err
		}
	}
	for i, w := range b.in.Witnesses {
		p := PackedWitness{Name: w.Name, Kind: w.Kind, At: w.At, Size: w.Head.Size, File: fmt.Sprintf("%s%d-head.txt", witnessDir, i+1), Proof: hexAll(w.Proof)}
		if err := b.text(p.File, string(w.Head.Note)); err != nil {
			return err
		}
		if len(w.Receipt) > 0 {
			p.Receipt = fmt.Sprintf("%s%d-receipt", witnessDir, i+1)
			if err := b.text(p.Receipt, string(w.Receipt)); err != nil {
				return err
			}
		}
		b.m.Ledger.Witnesses = append(b.m.Ledger.Witnesses, p)
	}
	return nil
}

// call puts one call in: its files, its facts, and the mix for ears.
func (b *builder) call(span earshot.PackageCall, c CallInput) error {
	packed := PackedCall{Call: c.Call.Clone(), SeatName: c.SeatName, BranchName: c.BranchName, FromMs: span.FromMs, ToMs: span.ToMs, Audit: c.Audit}
	if packed.Audit == nil {
		packed.Audit = []earshot.Audit{}
	}
	if packed.ToMs == 0 || packed.ToMs > c.Call.DurationMs {
		packed.ToMs = c.Call.DurationMs
	}
	if packed.ToMs <= packed.FromMs {
		return earshot.Fail(earshot.Invalid, "bad_span", "call %s is only %d ms long", c.Call.ID, c.Call.DurationMs)
	}
	packed.Call.Marks = b.marks(packed)
	packed.Whole = packed.FromMs == 0 && packed.ToMs == c.Call.DurationMs
	var voices []voice
	for _, part := range c.Call.Parts {
		if part.StartMs >= packed.ToMs || part.StartMs+part.DurationMs <= packed.FromMs {
			continue
		}
		v, err := b.part(packed, c, part)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		defer func() { _ = v.Close() }() // it was read to its end
		if Cuts(c.Call, part) || part.Codec == earshot.Opus {
			voices = append(voices, voice{part.StartMs, v, part, false})
			continue
		}
		samples, err := b.decoded(v, part)
		if err != nil {
			return err
		}
		if samples != nil {
			defer func() { _ = samples.Close() }()
			voices = append(voices, voice{part.StartMs, samples, part, true})
		}
	}
	if len(voices) > 0 {
		packed.Mix = "mix-" + c.Call.ID + ".wav"
		err := b.put(packed.Mix, func(w io.Writer) error { return mixdown(b.ctx, w, voices, packed.FromMs, packed.ToMs) })
		if err != nil {
			return fmt.Errorf("mix call %s: %w", c.Call.ID, err)
		}
		b.m.Derived = append(b.m.Derived, DerivedFile{packed.Mix, c.Call.ID, "mix"})
	}
	b.m.Calls = append(b.m.Calls, packed)
	return b.json("calls/"+c.Call.ID+".json", packed)
}

// marks are those of the span, without the texts of those in silenced stretches:
// they may say what was said there.
func (b *builder) marks(c PackedCall) []earshot.Mark {
	kept := []earshot.Mark{}
	for _, m := range c.Call.Marks {
		end := max(m.EndMs, m.StartMs)
		if m.StartMs > c.ToMs || end < c.FromMs {
			continue
		}
		for _, s := range b.in.Package.Silence {
			if s.Call == c.Call.ID && m.StartMs <= s.ToMs && end >= s.FromMs {
				m.Text = ""
			}
		}
		kept = append(kept, m)
	}
	return kept
}

// part puts a part's file in, or what is wanted of it, with its proof; what it
// answers is that file to be read again, nil where the archive has lost it.
func (b *builder) part(c PackedCall, in CallInput, part earshot.Part) (io.ReadCloser, error) {
	var proved *PartInput
	for i := range in.Parts {
		if in.Parts[i].N == part.N {
			proved = &in.Parts[i]
		}
	}
	if proved == nil {
		return nil, earshot.Fail(earshot.Conflict, "not_in_ledger", "part %d of call %s is not in the ledger yet; try again in a minute", part.N, c.Call.ID)
	}
	file, size, err := b.in.Open(part.File)
	if errors.Is(err, fs.ErrNotExist) {
		b.m.Files = append(b.m.Files, PackedFile{Call: c.Call.ID, Part: part.N, Original: part.File, SHA256: part.SHA256, Bytes: part.Bytes,
			Have: []Range{}, Replaced: []Range{}, Missing: "not in the archive 归档中已无此文件"})
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", part.File, err)
	}
	defer func() { _ = file.Close() }() // only read
	plan, err := newPlan(file, size, part, c, b.in.Package.Silence)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", part.File, err)
	}
	packed := plan.packed(c.Call.ID)
	b.m.Silenced = append(b.m.Silenced, plan.silenced...)
	copied, err := b.copy(plan, file, packed.Name)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", part.File, err)
	}
	if err := b.proof(&packed, proved, plan); err != nil {
		return nil, errors.Join(err, copied.Close())
	}
	b.m.Files = append(b.m.Files, packed)
	return copied, nil
}

// copy writes what the plan wants of file into the package, by way of a
// temporary file that it answers, to be read again.
func (b *builder) copy(plan *plan, file io.ReadSeeker, name string) (io.ReadCloser, error) {
	temp, err := os.CreateTemp(b.in.TempDir, "package-*.tmp")
	if err != nil {
		return nil, err
	}
	// Without a name nothing of it is left behind by a crash either.
	if os.Remove(temp.Name()) != nil {
		b.temps = append(b.temps, temp.Name()) // where open files cannot be removed
	}
	if err = plan.write(b.ctx, temp, file); err == nil {
		_, err = temp.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = b.put(name, func(w io.Writer) error { _, err := io.Copy(w, temp); return err })
	}
	if err == nil {
		_, err = temp.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, temp.Close())
	}
	return temp, nil
}

// clear takes the temporary files away.
func (b *builder) clear() {
	for _, name := range b.temps {
		_ = os.Remove(name) // the folder is emptied at the next start too
	}
}

func (b *builder) proof(packed *PackedFile, in *PartInput, plan *plan) error {
	packed.Proof = proofName(packed.Call, packed.Part)
	text := proofText(proof{Entry: in.Entry, Index: in.Index, Size: b.in.Head.Size, Hashes: in.Proof, File: packed.Name})
	if err := b.text(packed.Proof, text); err != nil {
		return err
	}
	if packed.Whole {
		return nil
	}
	packed.Leaves = strings.TrimSuffix(packed.Proof, ".proof") + ".leaves"
	return b.text(packed.Leaves, leavesText(plan.lines()))
}

// put writes one file of the package and notes its hash.
func (b *builder) put(name string, fill func(io.Writer) error) error {
	method := zip.Deflate
	if strings.HasSuffix(name, ".opus") || strings.HasSuffix(name, ".wav") || strings.HasSuffix(name, ".mp3") {
		method = zip.Store
	}
	header := &zip.FileHeader{Name: name, Method: method, Modified: b.in.Package.At.UTC()}
	header.SetMode(0o644)
	w, err := b.zip.CreateHeader(header)
	if err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	s := summed{w, sha256.New()}
	if err := fill(s); err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	if name != sumsName {
		fmt.Fprintf(&b.sums, "%s  %s\n", hex.EncodeToString(s.sum.Sum(nil)), name)
	}
	return nil
}

func (b *builder) text(name, text string) error {
	return b.put(name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

func (b *builder) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	return b.text(name, string(text)+"\n")
}

// summed is a writer that sums up what it passes on.
type summed struct {
	w   io.Writer
	sum hash.Hash
}

func (s summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum.Write(p[:n])
	return n, err
}

func hexAll(hashes [][32]byte) []string {
	all := make([]string, len(hashes))
	for i, h := range hashes {
		all[i] = hex.EncodeToString(h[:])
	}
	return all
}
