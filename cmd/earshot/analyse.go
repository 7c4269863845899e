package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
)

// analyseCalls judges calls beside recording: it rests as long as it works, and
// while the disk is behind.
func (a *app) analyseCalls(ctx context.Context) error {
	a.analysis = storage.NewAnalysis(storage.AnalysisOptions{Archive: a.archive, Rest: 1, Busy: a.diskBusy, Now: a.now, Log: a.log})
	a.watch(ctx, a.analysis.Run)
	return nil
}

// analyseCommand judges stored calls anew: in a data folder that no server uses,
// or by the server at --url.
type analyseCommand struct {
	indexFlags
	serverFlags
	From  string `help:"Calls that began on this day or later." placeholder:"YYYY-MM-DD"`
	To    string `help:"Calls that began on this day or before." placeholder:"YYYY-MM-DD"`
	All   bool   `help:"Also calls that were judged by the thresholds that are set now."`
	Zone  string `name:"timezone" help:"What a day is." default:"Asia/Shanghai" placeholder:"TZ"`
	Quiet bool   `help:"No progress on the terminal."`
}

// serverFlags say at which server somebody works, and as whom.
type serverFlags struct {
	URL      string `help:"Have the running server there do it, instead of opening --data." placeholder:"URL"`
	User     string `help:"Who signs in at --url." default:"admin" placeholder:"NAME"`
	Password string `help:"Their password; better given as EARSHOT_PASSWORD." placeholder:"PASSWORD"`
	Insecure bool   `help:"Take any certificate of --url."`
}

// analyseLooks is how often the server is asked how far it is.
const analyseLooks = time.Second

// Failures of analyse that make the exit status 1.
var (
	errNotAllJudged = errors.New("有通话未能分析，见上 some calls could not be analysed; see above")
	errCutOff       = errors.New("已中断；再运行一次即可继续 cut off; run it again to go on")
)

// Run prints which calls could not be analysed, and a summary. The exit status is
// 0 only if none were.
func (c analyseCommand) Run(ctx context.Context, out io.Writer) error {
	r, err := c.days()
	if err != nil {
		return err
	}
	line := &countLine{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}
	var note index.AnalysisNote
	if c.URL != "" {
		note, err = c.remote(ctx, r, line)
	} else {
		note, err = c.local(ctx, r, line)
	}
	line.clear()
	if err != nil {
		return err
	}
	return tellAnalysed(out, note)
}

// days are the bounds as instants.
func (c analyseCommand) days() (r storage.AnalysisRange, err error) {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return r, fmt.Errorf("--timezone: there is no zone %q", c.Zone)
	}
	r.All, r.By = c.All, "cli"
	if c.From != "" {
		if r.From, err = time.ParseInLocation(time.DateOnly, c.From, zone); err != nil {
			return r, fmt.Errorf("--from: a day like 2026-11-21, not %q", c.From)
		}
	}
	if c.To != "" {
		if r.To, err = time.ParseInLocation(time.DateOnly, c.To, zone); err != nil {
			return r, fmt.Errorf("--to: a day like 2026-11-21, not %q", c.To)
		}
		r.To = r.To.AddDate(0, 0, 1)
	}
	return r, nil
}

// local works in a data folder that no server uses.
func (c analyseCommand) local(ctx context.Context, r storage.AnalysisRange, line *countLine) (note index.AnalysisNote, err error) {
	if _, err := os.Stat(c.Data); err != nil { // a folder that is misspelt is not made
		return note, fmt.Errorf("--data %s: %w", c.Data, plain(err))
	}
	store, err := files.Open(c.Data, files.Options{})
	if errors.Is(err, files.ErrLocked) {
		return note, fmt.Errorf("--data: %w; 服务正在运行时请用 --url while a server runs, use --url", err)
	}
	if err != nil {
		return note, fmt.Errorf("--data: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ix, err := c.open(ctx)
	if err != nil {
		return note, err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	analysis := storage.NewAnalysis(storage.AnalysisOptions{
		Archive: storage.New(store, ix, storage.Options{}),
		Alone:   c.Index == "sqlite", // which is in the folder; a database may have other servers
		Told:    func(n index.AnalysisNote) { line.show(int(n.Done), int(max(n.Total, n.Done))) },
		Now:     time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if note, err = analysis.Start(ctx, r); err != nil {
		return note, err
	}
	return analysis.Finish(ctx, note)
}

// remote has a running server do it, and watches. Cut off here it goes on there.
func (c analyseCommand) remote(ctx context.Context, r storage.AnalysisRange, line *countLine) (note index.AnalysisNote, err error) {
	client, err := c.signIn(ctx)
	if err != nil {
		return note, err
	}
	asked := map[string]any{"all": r.All}
	if !r.From.IsZero() {
		asked["from"] = earshot.At(r.From)
	}
	if !r.To.IsZero() {
		asked["to"] = earshot.At(r.To)
	}
	if err := client.post(ctx, "/api/v1/analysis/runs", asked, &note); err != nil {
		return note, err
	}
	look := time.NewTicker(analyseLooks)
	defer look.Stop()
	for note.State == index.AnalysisRunning {
		line.show(int(note.Done), int(max(note.Total, note.Done)))
		select {
		case <-ctx.Done():
			return note, errors.New("服务器继续分析，在“分析”页可以停止 the server goes on; the page 分析 stops it")
		case <-look.C:
		}
		var now struct {
			Run index.AnalysisNote `json:"run"`
		}
		if err := client.call(ctx, http.MethodGet, "/api/v1/analysis", nil, &now); err != nil {
			return note, err
		}
		note = now.Run
	}
	return note, nil
}

// signIn signs in at the server.
func (f serverFlags) signIn(ctx context.Context) (apiClient, error) {
	if _, err := url.ParseRequestURI(f.URL); err != nil {
		return apiClient{}, fmt.Errorf("--url: an address like https://earshot.example, not %q", f.URL)
	}
	client := apiClient{base: f.URL, http: httpClient(f.Insecure)}
	var session struct {
		Token string `json:"token"`
	}
	err := client.post(ctx, "/api/v1/login", map[string]string{"name": f.User, "password": f.Password}, &session)
	client.token = session.Token
	return client, err
}

func tellAnalysed(out io.Writer, n index.AnalysisNote) error {
	for _, f := range n.Failures {
		fmt.Fprintf(out, "✗ %s · %s\n", f.Call, f.Text)
	}
	fmt.Fprintf(out, "已分析 analysed: %d 通电话 calls (%d 有变化 changed, %d 没有电平数据 without levels, %d 失败 failed)\n", n.Done, n.Changed, n.Untold, n.Failed)
	switch {
	case n.State == index.AnalysisStopped:
		return errCutOff
	case n.Failed > 0:
		return errNotAllJudged
	}
	return nil
}
