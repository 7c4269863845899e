package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/bench"
)

// benchFill fills an index with calls that have no audio.
type benchFill struct {
	indexFlags
	Calls int           `help:"How many." default:"1000000"`
	Over  time.Duration `help:"How far back the oldest starts." default:"17520h"`
	Until string        `help:"When the newest starts: a day; today by default." placeholder:"YYYY-MM-DD"`
	Seed  uint64        `help:"The same seed, number and day make the same calls." default:"4"`
	Quiet bool          `help:"No progress on the terminal."`
}

// Run writes the calls. Nobody is meant to fill an archive that is in use: with
// calls of its own the index must be told of by name.
func (c benchFill) Run(ctx context.Context, out io.Writer) (err error) {
	until := time.Now().UTC().Truncate(24 * time.Hour)
	if c.Until != "" {
		if until, err = time.Parse(time.DateOnly, c.Until); err != nil {
			return fmt.Errorf("--until: %w", err)
		}
	}
	if c.Calls < 1 || c.Over <= 0 {
		return earshot.Fail(earshot.Invalid, "bad_bench", "--calls and --over are more than nothing")
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	ix, err := index.Open(ctx, indexURL(c.Index, c.Data))
	if err != nil {
		return fmt.Errorf("--index: %w", err)
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if err := onlyBench(ctx, ix); err != nil {
		return err
	}
	line := &countLine{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}
	begun := time.Now()
	err = bench.Fill(ctx, ix, bench.FillOptions{Calls: c.Calls, Over: c.Over, Until: until, Seed: c.Seed}, line.show)
	line.clear()
	if err == nil {
		bench.Told(out, c.Calls, time.Since(begun))
	}
	return err
}

// onlyBench refuses an index that has calls of people.
func onlyBench(ctx context.Context, ix *index.Index) error {
	page, err := ix.SearchCalls(ctx, index.CallQuery{Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Calls) > 0 && page.Calls[0].Node != bench.Node {
		return earshot.Fail(earshot.Conflict, "in_use", "the index has calls that were recorded; fill another")
	}
	return nil
}

// benchSearch measures searches.
type benchSearch struct {
	indexFlags
	Each        int           `help:"Searches of each filter and of each pair." default:"20"`
	Seed        uint64        `help:"The same seed makes the same searches." default:"4"`
	Only        string        `help:"Only filters and pairs whose names match." placeholder:"REGEXP"`
	Totals      bool          `help:"Measure how long totals take (they stop at 1,000+), not the first page."`
	Within      time.Duration `help:"What 95 in 100 searches may take." default:"50ms"`
	WordsWithin time.Duration `name:"words-within" help:"The same of searches with words." default:"150ms"`
}

// Run prints what searches take; the exit status is 0 only if they are as fast
// as they have to be.
func (c benchSearch) Run(ctx context.Context, out io.Writer) (err error) {
	ix, err := c.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if c.Each < 1 {
		return earshot.Fail(earshot.Invalid, "bad_bench", "--each is more than nothing")
	}
	o := bench.SearchOptions{Each: c.Each, Seed: c.Seed, Now: time.Now(), Within: c.Within, WordsWithin: c.WordsWithin, Totals: c.Totals}
	if c.Only != "" {
		if o.Only, err = regexp.Compile(c.Only); err != nil {
			return fmt.Errorf("--only: %w", err)
		}
	}
	if err := c.complete(ctx, ix, out); err != nil {
		return err
	}
	return bench.Search(ctx, ix, o, out)
}

// complete makes the terms that calls lack, as a server would beside its work.
func (c benchSearch) complete(ctx context.Context, ix *index.Index, out io.Writer) error {
	begun, calls := time.Now(), 0
	if err := ix.CompleteTerms(ctx, 0, func(n int) { calls = n }); err != nil {
		return err
	}
	if calls > 0 {
		took := time.Since(begun)
		fmt.Fprintf(out, "搜索索引重建 search index made anew: %d 通 calls · %s · 每秒 %.0f a second\n\n", calls, took.Round(time.Millisecond), float64(calls)/took.Seconds())
	}
	return nil
}
