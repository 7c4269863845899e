package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// reindexCommand makes the index's calls again from the files beside the audio.
type reindexCommand struct {
	indexFlags
	Quiet bool `help:"No progress on the terminal."`
}

// errNotAllBack makes the exit status 1.
var errNotAllBack = errors.New("不是全部都已恢复，见上 not everything came back; see above")

// Run names what did not come back, and prints a summary. The exit status is 0
// only if everything did.
func (c reindexCommand) Run(ctx context.Context, out io.Writer) (err error) {
	if _, err := os.Stat(filepath.Join(c.Data, "audio")); err != nil { // a folder that is misspelt is not made
		return fmt.Errorf("--data %s: %w", c.Data, plain(err))
	}
	store, err := files.Open(c.Data, files.Options{})
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	url := indexURL(c.Index, c.Data)
	as, why, err := index.SetAsideDamaged(ctx, url, time.Now())
	if err != nil {
		return fmt.Errorf("--index: %w", err)
	}
	if as != "" {
		fmt.Fprintf(out, "! 索引已损坏，另存为 the index was damaged and is set aside as %s: %v\n", shorten(as), why)
		fmt.Fprintln(out, "! 用户、审计等不在录音文件里，请再用 earshot restore 恢复 people, audit and the like are in no call's file: earshot restore brings them back")
	}
	ix, err := index.Open(ctx, url)
	if err != nil {
		return fmt.Errorf("--index: %w", err)
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	return c.reindex(ctx, out, store, ix)
}

func (c reindexCommand) reindex(ctx context.Context, out io.Writer, store *files.Store, ix *index.Index) (err error) {
	whole := true
	o := storage.Options{}
	records, err := soundLedger(c.Data)
	switch {
	case errors.Is(err, ledger.ErrNoLedger): // none was begun
	case err != nil:
		whole = false
		fmt.Fprintf(out, "✗ 账本不可用，冻结与删除只取自通话文件 the ledger cannot be used; holds and deletions are taken from calls' files alone: %v\n", err)
	default:
		o.Ledger = records
		defer func() { err = errors.Join(err, records.Close()) }()
	}
	seats, err := os.ReadFile(filepath.Join(c.Data, "seats.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	line := &countLine{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}
	done, err := storage.New(store, ix, o).Reindex(ctx, storage.ReindexOptions{
		Walk: store.Walk, Seats: seats, Progress: line.show,
		Found: func(p storage.ReindexProblem) {
			line.clear()
			fmt.Fprintln(out, problemLine(p))
		},
	})
	line.clear()
	if err != nil {
		return err
	}
	tellReindexed(out, done)
	if !whole || len(done.Problems) > 0 {
		return errNotAllBack
	}
	return nil
}

// soundLedger opens the ledger for reading, if its parts fit one another.
func soundLedger(data string) (*ledger.Ledger, error) {
	l, err := ledger.Open(data, ledger.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if why := l.Fits(); why != nil {
		return nil, errors.Join(why, l.Close())
	}
	return l, nil
}

func problemLine(p storage.ReindexProblem) string {
	line := "✗ "
	for _, what := range []string{p.Call, p.File} {
		if what != "" {
			line += what + " · "
		}
	}
	return line + p.Text
}

func tellReindexed(out io.Writer, r storage.Reindexed) {
	fmt.Fprintf(out, "恢复 brought back: %d 通电话 calls (%d 已删除 deleted, %d 从录音重建 made of their audio), %d 个录音 parts, %d 个冻结 holds, 账本 %d 条 ledger records, %d 个席位 seats, %d 个机构 branches\n",
		r.Calls, r.Deleted, r.Mended, r.Parts, r.Holds, r.Entries, r.Seats, r.Branches)
	if open := r.Live + r.Left; open > 0 {
		fmt.Fprintf(out, "  %d 通未录完的电话在下次启动时入库 calls that were not complete are stored at the next start\n", open)
	}
	if len(r.Problems) > 0 {
		fmt.Fprintf(out, "  %d 处未能恢复 did not come back\n", len(r.Problems))
	}
}

// countLine shows on one line how many of how many are done.
type countLine struct {
	out     io.Writer
	quiet   bool
	shown   time.Time
	visible bool
}

func (l *countLine) show(done, total int) {
	now := time.Now()
	if l.quiet || total == 0 || now.Sub(l.shown) < barEvery && done < total {
		return
	}
	l.shown, l.visible = now, true
	fmt.Fprintf(l.out, "\r\x1b[K%3d %%  %d / %d", done*100/total, done, total)
}

func (l *countLine) clear() {
	if l.visible {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.visible = false
	}
}
