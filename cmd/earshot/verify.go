package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// verifyCommand checks audio, call files, index and ledger against one another.
type verifyCommand struct {
	indexFlags
	Checkpoint string   `help:"Heads that a witness kept: a file of one or more signed heads." placeholder:"FILE" type:"existingfile"`
	Workers    int      `help:"Files read at once." default:"2"`
	Quiet      bool     `help:"No progress bar."`
	Calls      []string `arg:"" optional:"" name:"call" help:"Only these calls."`
}

// Run prints each finding as it is found, and a summary. The exit status is 0 only
// if everything holds.
func (c verifyCommand) Run(ctx context.Context, out io.Writer) (err error) {
	reader, err := files.OpenReadOnly(c.Data)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	o := storage.VerifyOptions{Files: reader, Calls: c.Calls, Workers: c.Workers}
	if c.Checkpoint != "" {
		if o.Checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return fmt.Errorf("--checkpoint: %w", err)
		}
	}
	o.Ledger, err = ledger.Open(c.Data, ledger.Options{ReadOnly: true})
	switch {
	case errors.Is(err, ledger.ErrNoLedger):
		o.Ledger = nil // which is a finding
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, o.Ledger.Close()) }()
	}
	var why error
	if o.Index, why = c.openExisting(ctx); o.Index != nil {
		defer func() { err = errors.Join(err, o.Index.Close()) }()
	}
	bar := &progressBar{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}
	o.Progress = bar.show
	o.Found = func(f storage.Finding) {
		bar.clear()
		fmt.Fprintf(out, "✗ %s\n", findingLine(f))
	}
	if why != nil {
		fmt.Fprintf(out, "! index: %v\n", why)
	}
	report, err := storage.Verify(ctx, o)
	bar.clear()
	if err != nil {
		return err
	}
	if o.Checkpoint == nil && o.Ledger != nil {
		fmt.Fprintln(out, "! 没有给出见证方的留存（--checkpoint）：掌握密钥与磁盘的人重写整本账，这里看不出来。")
		fmt.Fprintln(out, "! No checkpoint of a witness was given (--checkpoint): a ledger that was rewritten by who holds key and disk does not show here.")
	}
	return summary(out, report)
}

// openExisting opens the index if there is one: verifying makes none.
func (c verifyCommand) openExisting(ctx context.Context) (*index.Index, error) {
	if c.Index == "sqlite" {
		if _, err := os.Stat(filepath.Join(c.Data, "index.db")); err != nil {
			return nil, plain(err)
		}
	}
	return c.open(ctx)
}

// summary says in one sentence how it stands.
func summary(out io.Writer, r storage.Verification) error {
	what := fmt.Sprintf("%d 通电话 calls, %d 个文件 files, %s, 账本 %d 条 ledger records", r.Calls, r.Files, bytesText(r.Bytes), r.Entries)
	if r.Pending > 0 {
		what += fmt.Sprintf(", %d 个录音待登记 parts not in the ledger yet", r.Pending)
	}
	if len(r.Head.Note) > 0 {
		what += fmt.Sprintf("; 树头 head of %s", r.Head.At)
	}
	if r.Holds() {
		_, err := fmt.Fprintf(out, "全部成立 Everything holds: %s\n", what)
		return err
	}
	fmt.Fprintf(out, "发现 %d 处不符 %d findings: %s\n", len(r.Findings)+r.Further, len(r.Findings)+r.Further, what)
	return errDoesNotHold
}

var findingWords = map[storage.FindingCode]string{
	storage.FindingAltered:      "录音被改动",
	storage.FindingMissing:      "录音缺失",
	storage.FindingSwapped:      "录音被调换",
	storage.FindingUnknownFile:  "来历不明的录音",
	storage.FindingNoCallFile:   "通话文件缺失",
	storage.FindingBadCallFile:  "通话文件损坏",
	storage.FindingRowMissing:   "索引缺少通话",
	storage.FindingRowChanged:   "索引被改动",
	storage.FindingFactsChanged: "通话信息与账本不符",
	storage.FindingUnrecorded:   "未登记入账",
	storage.FindingDeleted:      "删除未登记",
	storage.FindingNotDeleted:   "应已删除",
	storage.FindingHold:         "冻结记录不符",
	storage.FindingLedger:       "账本不符",
	storage.FindingCheckpoint:   "与见证方的留存不符",
	storage.FindingSetAside:     "损坏文件已隔离",
	storage.FindingKey:          "密钥没有承接",
}

func findingLine(f storage.Finding) string {
	line := string(f.Code) + " " + findingWords[f.Code]
	if f.Call != "" {
		line += " · " + f.Call
	}
	if f.File != "" {
		line += " · " + f.File
	}
	return line + "\n  " + f.Text
}

// progressBar shows on one line how far a long reading has come.
type progressBar struct {
	out   io.Writer
	quiet bool

	mu      sync.Mutex
	began   time.Time
	shown   time.Time
	visible bool
}

// barEvery is how often the line changes.
const barEvery = 200 * time.Millisecond

func (b *progressBar) show(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.began.IsZero() {
		b.began = now
	}
	if b.quiet || total == 0 || now.Sub(b.shown) < barEvery && done < total {
		return
	}
	b.shown, b.visible = now, true
	rate := float64(done) / max(now.Sub(b.began).Seconds(), 0.001)
	left := time.Duration(float64(total-done) / max(rate, 1) * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(b.out, "\r\x1b[K%3d %%  %s / %s  %s/s  还需 left %s", done*100/total, bytesText(done), bytesText(total), bytesText(int64(rate)), left)
}

// clear takes the line away, so that something else can be printed.
func (b *progressBar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.visible {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.visible = false
	}
}

// bytesText is a size for people.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f := float64(n)
	for len(units) > 1 && f >= 1024 {
		f, units = f/1024, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[0])
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
