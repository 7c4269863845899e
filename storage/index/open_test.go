package index_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	must(t, os.WriteFile(garbage, []byte(strings.Repeat("this is no database ", 500)), 0o600))
	plain := filepath.Join(dir, "plain")
	must(t, os.WriteFile(plain, nil, 0o600))
	for url, code := range map[string]string{
		"":                                  "bad_index_url",
		"mysql://localhost/x":               "bad_index_url",
		"sqlite:":                           "bad_index_url",
		"postgres://%zz":                    "bad_index_url",
		"sqlite:" + garbage:                 "index_unreachable",
		"sqlite:" + dir:                     "index_unreachable",
		"sqlite:" + plain + "/below/a.db":   "index_unreachable",
		"postgres://u:secret@127.0.0.1:1/x": "index_unreachable",
		"postgres:///x?host=" + dir:         "index_unreachable",
	} {
		ix, err := index.Open(t.Context(), url)
		wantCode(t, err, code)
		if ix != nil {
			t.Errorf("%s: an index came with the error", url)
		}
		if text := earshot.AsError(err).Text; strings.Contains(text, "secret") || strings.Contains(text, "\n") {
			t.Errorf("%s: the error says %q", url, text)
		}
	}
}

// A PostgreSQL that takes connections and says nothing is given up.
func TestOpenGivesUpOnSilence(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, silent.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = index.Open(ctx, "postgres://u@"+silent.Addr().String()+"/x?sslmode=disable")
	wantCode(t, err, "index_unreachable")
	if ctx.Err() != nil {
		t.Error("it waits for as long as it may")
	}
}

func TestOpenAgainKeepsEverything(t *testing.T) {
	for name, url := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "a folder with ?#%20 in it", "索引.db"),
		"postgres": "",
	} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = pgtest.Start(t)
			}
			want := full()
			for range 2 {
				ix, err := index.Open(t.Context(), url)
				must(t, err)
				must(t, ix.SaveCall(t.Context(), want))
				must(t, ix.Close())
			}
			ix := open(t, url)
			same(t, "the call", read(t, ix, want.ID), want)
		})
	}
}

// Nodes that start at once on one database bring its tables up to date once.
func TestOpenAtOnce(t *testing.T) {
	url := pgtest.Start(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			ix, err := index.Open(t.Context(), url)
			if err == nil {
				err = ix.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAwayAndCancelled(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		must(t, ix.Healthy(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ix.Call(ctx, earshot.NewID(start)); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled question: %v", err)
		}
		if err := ix.SaveCall(ctx, full()); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled change: %v", err)
		}
		must(t, ix.SaveCall(t.Context(), full())) // the connection is whole again
		must(t, ix.Close())
		if err := ix.Healthy(t.Context()); err == nil {
			t.Error("a closed index is healthy")
		}
	})
}

// Writers and readers at once: nobody fails, and a reader never sees half of a
// call.
func TestWritersAndReadersAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		shared := call(0, nil)
		versions := func(n int) earshot.Call {
			c := shared.Clone()
			c.Rating = n%5 + 1
			for i := range c.Rating * 3 {
				c.Gaps = append(c.Gaps, earshot.Gap{Side: earshot.SideAgent, StartMs: int64(i), EndMs: int64(i + 1), Cause: earshot.CauseLost})
				c.Tags = append(c.Tags, fmt.Sprint("tag", i))
			}
			return c
		}
		must(t, ix.SaveCall(ctx, versions(0)))
		writing, stop := context.WithCancel(ctx)
		var readers, writers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for writing.Err() == nil {
					c, err := ix.Call(ctx, shared.ID)
					if err != nil {
						t.Error(err)
						return
					}
					if len(c.Gaps) != c.Rating*3 || len(c.Tags) != c.Rating*3 {
						t.Errorf("half a call: rating %d with %d gaps and %d tags", c.Rating, len(c.Gaps), len(c.Tags))
						return
					}
				}
			})
		}
		for w := range 3 {
			writers.Go(func() {
				for i := range 15 {
					if err := ix.SaveCall(ctx, versions(w+i)); err != nil {
						t.Error(err)
					}
					if err := ix.SaveCall(ctx, call(time.Duration(w*100+i)*time.Second, nil)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		stop()
		readers.Wait()
		page, err := ix.SearchCalls(ctx, index.CallQuery{Limit: 200})
		must(t, err)
		same(t, "calls", len(page.Calls), 46)
	})
}

// Edits of one call at once are all kept.
func TestEditsAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		c := full()
		c.Marks = nil
		save(t, ix, c)
		edit := func(change func(*earshot.Call)) func() error {
			return func() error {
				_, err := ix.EditCall(ctx, c.ID, func(c *earshot.Call) error {
					change(c)
					return nil
				})
				return err
			}
		}
		edits := []func() error{edit(func(c *earshot.Call) { c.Account = "new" })}
		for i := range 8 {
			mark := earshot.Mark{ID: fmt.Sprint("m", i), Kind: earshot.MarkNote, Text: "注记"}
			edits = append(edits, edit(func(c *earshot.Call) { c.Marks = append(c.Marks, mark) }))
		}
		same(t, "edits that succeed", atOnce(edits...), 9)
		got := read(t, ix, c.ID)
		same(t, "account", got.Account, "new")
		same(t, "marks", len(got.Marks), 8)

		refused := errors.New("no")
		_, err := ix.EditCall(ctx, c.ID, func(c *earshot.Call) error {
			c.Account = "other"
			return refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("an edit that is refused: %v", err)
		}
		same(t, "the call", read(t, ix, c.ID), got)
		_, err = ix.EditCall(ctx, earshot.NewID(start), func(*earshot.Call) error { return nil })
		wantCode(t, err, "no_call")
	})
}
