package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/imports"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// importCommand brings files of older recorders in.
type importCommand struct {
	indexFlags
	serverFlags
	importSettings

	Name        string   `help:"Name of the batch; the paths by default. The same name goes on with the same batch." placeholder:"NAME"`
	Preview     bool     `help:"Only say what would be known of each file, and where from."`
	Report      string   `help:"Write every file with its fate into this file, as CSV." placeholder:"FILE"`
	Workers     int      `help:"Files looked at side by side; one a processor by default." placeholder:"N"`
	DiskReserve string   `name:"disk-reserve" help:"Room to keep free on the disk, the lesser of a size and a share." default:"5GiB,5%" placeholder:"SIZE,SHARE"`
	Quiet       bool     `help:"No progress on the terminal, and no line for each file that came in."`
	Paths       []string `arg:"" name:"path" help:"Folders and files."`
}

// importSettings say where facts come from.
type importSettings struct {
	Pattern            string            `help:"What folders and names tell: {date:yyyyMMdd}/{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}. See docs/import.md." placeholder:"PATTERN"`
	Seat               string            `help:"Seat of files that name none, or one that is not known." placeholder:"ID"`
	Branch             string            `help:"Branch of all calls; their seat's by default." placeholder:"ID"`
	Kind               earshot.SeatKind  `help:"counter or hotline; their seat's by default." placeholder:"KIND"`
	Direction          earshot.Direction `help:"Of files that tell none: inbound, outbound or none." placeholder:"DIRECTION"`
	Track              earshot.TrackKind `help:"What the files hold: both, mixed, agent or customer; by default two channels are both, one is mixed." placeholder:"TRACK"`
	Swap               bool              `help:"Of two channels the left is the customer."`
	Timezone           string            `help:"Of times in names and tables." default:"Asia/Shanghai" placeholder:"TZ"`
	Charset            string            `help:"Of tables, tags and names: auto, utf-8 or gb18030." default:"auto" placeholder:"CHARSET"`
	Metadata           string            `help:"A table (CSV) that tells of the files." placeholder:"FILE"`
	RefuseUnknownStart bool              `name:"refuse-unknown-start" help:"Refuse files of which nothing tells when they began, instead of taking their own time."`
	RefuseUnknownSeat  bool              `name:"refuse-unknown-seat" help:"Refuse files that name a seat that is not known, instead of taking --seat."`
}

// settings are those of the batch. metadata is the table's path among the files.
func (c importSettings) settings(metadata string) earshot.ImportSettings {
	return earshot.ImportSettings{
		Pattern: c.Pattern, Seat: c.Seat, Branch: c.Branch, Kind: c.Kind, Direction: c.Direction, Track: c.Track, Swap: c.Swap,
		Timezone: c.Timezone, Charset: c.Charset, Metadata: metadata,
		RefuseUnknownStart: c.RefuseUnknownStart, RefuseUnknownSeat: c.RefuseUnknownSeat,
	}
}

// errNotAllIn makes the exit status 1.
var errNotAllIn = errors.New("不是全部都已导入，原因见上；改正后再运行一次即可继续 not everything came in, see above why; run it again to go on")

// Run prints every file's name and fate. The exit status is 0 only if all came in.
func (c importCommand) Run(ctx context.Context, out io.Writer) error {
	if c.URL != "" {
		return c.sendTo(ctx, out)
	}
	return c.bringIn(ctx, out)
}

// bringIn takes files into a data folder that no server uses.
func (c importCommand) bringIn(ctx context.Context, out io.Writer) (err error) {
	folders, settings, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folders.Close()) }()
	keep, err := parseReserve(c.DiskReserve)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Data); err != nil { // a folder that is misspelt is not made
		return fmt.Errorf("--data %s: %w", c.Data, plain(err))
	}
	store, err := files.Open(c.Data, files.Options{})
	if errors.Is(err, files.ErrLocked) {
		return fmt.Errorf("--data: %w; 服务正在运行时请用网页导入 while a server runs, use the dashboard", err)
	}
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ix, err := c.indexFlags.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	records, err := ledger.Open(c.Data, ledger.Options{Name: hostNode()})
	if err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return fmt.Errorf("--timezone: there is no zone %q", c.Timezone)
	}
	archive := storage.New(store, ix, storage.Options{Ledger: records, Location: zone})
	printer := &importPrinter{out: out, line: &countLine{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}, quiet: c.Quiet}
	desk := storage.NewImports(storage.ImportOptions{
		Archive: archive, Store: store, Workers: c.Workers, Fated: printer.fated,
		Folder: func(earshot.Import) (storage.ImportFolder, error) { return unclosed{folders}, nil },
		Room: func() (free, reserved uint64, err error) {
			free, total, err := spaceAt(c.Data)()
			return free, keep.bytes(total), err
		},
		Log: slog.New(slog.DiscardHandler), // what stops it is printed
	})
	defer func() { err = errors.Join(err, desk.Close()) }()
	if c.Preview {
		p, err := desk.PreviewFolder(ctx, settings, folders)
		if err != nil {
			return err
		}
		return printPreview(out, p, zone)
	}
	return c.run(ctx, importing{desk: desk, archive: archive, index: ix, out: out, printer: printer}, settings)
}

// unclosed are folders that outlive a run.
type unclosed struct{ *imports.Folders }

// Close does nothing: who opened them closes them.
func (unclosed) Close() error { return nil }

// open opens the paths, with the table among them.
func (c importCommand) open() (*imports.Folders, earshot.ImportSettings, error) {
	paths := c.Paths
	if c.Metadata != "" {
		inside, err := imports.OpenFolders(paths...)
		if err != nil {
			return nil, earshot.ImportSettings{}, err
		}
		_, ok := inside.PathOf(c.Metadata)
		if err := inside.Close(); err != nil {
			return nil, earshot.ImportSettings{}, err
		}
		if !ok {
			paths = append(append([]string{}, paths...), c.Metadata)
		}
	}
	folders, err := imports.OpenFolders(paths...)
	if err != nil {
		return nil, earshot.ImportSettings{}, err
	}
	metadata := ""
	if c.Metadata != "" {
		metadata, _ = folders.PathOf(c.Metadata)
	}
	settings := c.settings(metadata)
	if err := settings.Validate(); err != nil {
		return nil, settings, errors.Join(err, folders.Close())
	}
	return folders, settings, nil
}

// importing is a run by command line.
type importing struct {
	desk    *storage.Imports
	archive *storage.Archive
	index   *index.Index
	out     io.Writer
	printer *importPrinter
}

// byCommand is who brings in what the command does.
const byCommand = "cli"

// run runs the batch to its end, or goes on with it.
func (c importCommand) run(ctx context.Context, i importing, settings earshot.ImportSettings) error {
	name := c.batchName()
	m, err := i.index.ImportNamed(ctx, byCommand, name)
	switch {
	case errors.Is(err, index.ErrNoImport):
		m, err = i.desk.Create(ctx, name, byCommand)
	case err == nil && m.State == earshot.ImportRunning: // and was cut off: the folder is ours
		m, err = i.index.ChangeImport(ctx, m.ID, func(m *earshot.Import) error {
			m.State = earshot.ImportStopped
			return nil
		})
	}
	if err != nil {
		return err
	}
	if m.Done > 0 {
		fmt.Fprintf(i.out, "继续 going on with %s: %d/%d\n", m.ID, m.Done, m.Files)
		if err := i.tellEarlier(ctx, m.ID); err != nil {
			return err
		}
	}
	if _, err := i.desk.Change(ctx, m.ID, nil, &settings); err != nil {
		return err
	}
	i.printer.of = func() (done, total int) {
		m, err := i.desk.Import(ctx, m.ID)
		if err != nil {
			return 0, 0
		}
		return m.Done, m.Files
	}
	began := time.Now()
	m, err = i.desk.Run(ctx, m.ID)
	i.printer.line.clear()
	if errors.Is(err, storage.ErrPatternFitsNone) {
		return fmt.Errorf("--pattern: 命名规则不适用于任何一个文件，什么都没有导入；先用 --preview 试 nothing was brought in, try --preview: %w", err)
	}
	after := context.WithoutCancel(ctx)
	if noting := i.archive.NotariseOnce(after); noting != nil {
		err = errors.Join(err, fmt.Errorf("not all is in the ledger yet; the server brings it there: %w", noting))
	}
	if c.Report != "" {
		q := index.ImportFileQuery{Batch: m.ID, Limit: 1000}
		err = errors.Join(err, writeImportReport(c.Report, func(cursor string) ([]earshot.ImportFile, string, error) {
			q.Cursor = cursor
			page, err := i.desk.Files(after, q)
			return page.Files, page.Next, err
		}))
	}
	tellImport(i.out, m, time.Since(began))
	if err == nil && m.Refused > m.Other {
		err = errNotAllIn
	}
	return err
}

// tellEarlier prints the fates that files have from runs before; those that were
// refused are tried again.
func (i importing) tellEarlier(ctx context.Context, id string) error {
	for _, fate := range []earshot.ImportFate{earshot.FateStored, earshot.FateDuplicate} {
		q := index.ImportFileQuery{Batch: id, Fate: fate, Limit: 1000}
		for {
			page, err := i.desk.Files(ctx, q)
			if err != nil {
				return err
			}
			for _, f := range page.Files {
				if !i.printer.quiet {
					fmt.Fprintln(i.out, fateLine(f))
				}
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
	}
	return nil
}

// batchName is the same whenever the same paths are given.
func (c importCommand) batchName() string {
	name := c.Name
	if name == "" {
		var all []string
		for _, p := range c.Paths {
			if whole, err := filepath.Abs(p); err == nil {
				p = whole
			}
			shown, _ := imports.DecodeName(p)
			all = append(all, shown)
		}
		name = strings.Join(all, " ")
	}
	if runes := []rune(name); len(runes) > 200 { // the ends of paths tell more
		name = "…" + string(runes[len(runes)-199:])
	}
	return name
}

// hostNode is the machine's name where it may name a node.
func hostNode() string {
	host, err := os.Hostname()
	if host = strings.ToLower(host); err != nil || !earshot.ValidID(host) {
		return "node1"
	}
	return host
}

// importPrinter prints fates as they are decided.
type importPrinter struct {
	out   io.Writer
	line  *countLine
	quiet bool
	of    func() (done, total int)

	mu    sync.Mutex
	asked time.Time
}

func (p *importPrinter) fated(_ string, f earshot.ImportFile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet || f.Fate != earshot.FateStored {
		p.line.clear()
		fmt.Fprintln(p.out, fateLine(f))
	}
	if now := time.Now(); p.of != nil && now.Sub(p.asked) > barEvery {
		p.asked = now
		p.line.show(p.of())
	}
}

// fateLine is a file with its fate.
func fateLine(f earshot.ImportFile) string {
	path := printable(f.Path)
	switch f.Fate {
	case earshot.FateStored:
		line := fmt.Sprintf("✓ %s → %s %s", path, f.Call, (time.Duration(f.DurationMs) * time.Millisecond).Round(time.Second))
		for _, remark := range f.Remarks {
			line += fmt.Sprintf("\n  ! %s %s · %s", remark, imports.Say(remark, true), imports.Say(remark, false))
		}
		return line
	case earshot.FateDuplicate:
		line := fmt.Sprintf("= %s 重复 duplicate → %s", path, f.Call)
		for _, remark := range f.Remarks {
			line += fmt.Sprintf("\n  ! %s %s · %s", remark, imports.Say(remark, true), imports.Say(remark, false))
		}
		if f.Text != "" {
			line += "\n    " + printable(f.Text)
		}
		return line
	case earshot.FateRefused:
		return fmt.Sprintf("✗ %s %s %s · %s", path, f.Code, imports.Say(f.Code, true), printable(f.Text))
	}
	return "… " + path
}

// printable is text that others gave without what terminals obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// tellImport says how it stands.
func tellImport(out io.Writer, m earshot.Import, took time.Duration) {
	hours := float64(m.AudioMs) / float64(time.Hour/time.Millisecond)
	state := map[earshot.ImportState]string{
		earshot.ImportDone: "完成 done", earshot.ImportStopped: "已停止，再运行一次即可继续 stopped; run it again to go on",
	}[m.State]
	fmt.Fprintf(out, "%s: %d 个文件 files, %d 已导入 stored (%d 有备注 with remarks, %.1f 小时 hours), %d 重复 duplicate, %d 拒绝 refused (%d 是表格或系统文件 tables and hidden files), %d 待处理 waiting; %s\n",
		state, m.Files, m.Stored, m.Remarked, hours, m.Duplicate, m.Refused, m.Other, m.Files-m.Done, took.Round(100*time.Millisecond))
}
