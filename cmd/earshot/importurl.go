package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/imports"
)

// How files go to a running server.
const (
	sendChunk   = 32 << 20 // bytes of one request
	sendTries   = 8        // in a row that bring nothing
	sendWait    = 500 * time.Millisecond
	importLooks = time.Second
)

// sendTo uploads the paths to a running server, lets it bring them in, and prints
// each file's fate. What is there already is not sent again: run again after a cut,
// it goes on.
func (c importCommand) sendTo(ctx context.Context, out io.Writer) (err error) {
	folders, settings, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folders.Close()) }()
	client, err := c.signIn(ctx)
	if err != nil {
		return err
	}
	client.http.Timeout = 0 // each request has its own
	line := &countLine{out: os.Stderr, quiet: c.Quiet || !isTerminal(os.Stderr)}
	m, err := c.batchAt(ctx, client)
	if err != nil {
		return err
	}
	if m.State == earshot.ImportDraft {
		s := sender{client: client, folders: folders, batch: m.ID, line: line}
		if err := s.sendAll(ctx); err != nil {
			return err
		}
	}
	path := "/api/v1/imports/" + m.ID
	if m.State != earshot.ImportRunning {
		if err := client.call(ctx, http.MethodPatch, path, map[string]any{"settings": settings}, nil); err != nil {
			return err
		}
		if err := client.post(ctx, path+"/start", nil, &m); err != nil {
			return err
		}
	}
	began := time.Now()
	if m, err = followImport(ctx, client, m, line); err != nil {
		return err
	}
	line.clear()
	err = c.tellFates(ctx, client, m.ID, out)
	tellImport(out, m, time.Since(began))
	if err == nil && m.Refused > m.Other {
		err = errNotAllIn
	}
	return err
}

// batchAt is one's own batch of that name which the server has and which is not over,
// or a new one.
func (c importCommand) batchAt(ctx context.Context, client apiClient) (earshot.Import, error) {
	name := c.batchName()
	var me struct {
		User earshot.User `json:"user"`
	}
	if err := client.call(ctx, http.MethodGet, "/api/v1/me", nil, &me); err != nil {
		return earshot.Import{}, err
	}
	for cursor := ""; ; {
		var page struct {
			Imports []earshot.Import `json:"imports"`
			Next    string           `json:"next"`
		}
		if err := client.call(ctx, http.MethodGet, "/api/v1/imports?cursor="+url.QueryEscape(cursor), nil, &page); err != nil {
			return earshot.Import{}, err
		}
		for _, m := range page.Imports {
			if m.By == me.User.ID && m.Name == name && m.State != earshot.ImportDone {
				return m, nil
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var m earshot.Import
	err := client.post(ctx, "/api/v1/imports", map[string]string{"name": name}, &m)
	return m, err
}

// followImport waits until a batch does not run any more.
func followImport(ctx context.Context, client apiClient, m earshot.Import, line *countLine) (earshot.Import, error) {
	look := time.NewTicker(importLooks)
	defer look.Stop()
	for m.State == earshot.ImportRunning {
		line.show(m.Done, m.Files)
		select {
		case <-ctx.Done():
			return m, errors.New("服务器继续导入，在“导入”页可以停下 the server goes on; the page 导入 stops it")
		case <-look.C:
		}
		if err := client.call(ctx, http.MethodGet, "/api/v1/imports/"+m.ID, nil, &m); err != nil {
			return m, err
		}
	}
	return m, nil
}

// tellFates prints every file's fate, and writes the report.
func (c importCommand) tellFates(ctx context.Context, client apiClient, id string, out io.Writer) error {
	pages := fatePages(func(cursor string) ([]earshot.ImportFile, string, error) {
		var page struct {
			Files []earshot.ImportFile `json:"files"`
			Next  string               `json:"next"`
		}
		err := client.call(ctx, http.MethodGet, "/api/v1/imports/"+id+"/files?limit=500&cursor="+url.QueryEscape(cursor), nil, &page)
		return page.Files, page.Next, err
	})
	err := pages.each(func(f earshot.ImportFile) error {
		if !c.Quiet || f.Fate != earshot.FateStored {
			fmt.Fprintln(out, fateLine(f))
		}
		return nil
	})
	if c.Report != "" {
		err = errors.Join(err, writeImportReport(c.Report, pages))
	}
	return err
}

// sender uploads files into a draft, by tus.
type sender struct {
	client  apiClient
	folders *imports.Folders
	batch   string
	line    *countLine
}

func (s sender) uploads() string { return "/api/v1/imports/" + s.batch + "/uploads" }

// sendAll sends what the server has not.
func (s sender) sendAll(ctx context.Context) error {
	there, err := s.there(ctx)
	if err != nil {
		return err
	}
	var missing []imports.File
	err = s.folders.Walk(ctx, func(f imports.File) error {
		if on, ok := there[f.Path]; f.Code == "" && (!ok || !on.Done() || on.Bytes != f.Bytes) {
			missing = append(missing, f)
		}
		return nil
	})
	for i, f := range missing {
		if err != nil {
			return err
		}
		s.line.show(i, len(missing))
		if err = s.send(ctx, f); err != nil {
			err = fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	s.line.clear()
	return err
}

func (s sender) there(ctx context.Context) (map[string]storage.Upload, error) {
	all := map[string]storage.Upload{}
	for after := ""; ; {
		var page struct {
			Uploads []storage.Upload `json:"uploads"`
			Next    string           `json:"next"`
		}
		if err := s.client.call(ctx, http.MethodGet, s.uploads()+"?limit=2000&after="+url.QueryEscape(after), nil, &page); err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			all[u.Path] = u
		}
		if after = page.Next; after == "" {
			return all, nil
		}
	}
}

// send sends one file from wherever it is.
func (s sender) send(ctx context.Context, f imports.File) (err error) {
	file, info, err := s.folders.Open(f.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	metadata := func(key, value string) string {
		return key + " " + base64.StdEncoding.EncodeToString([]byte(value))
	}
	said := metadata("path", f.Path) + "," + metadata("modified", strconv.FormatInt(info.ModTime().UnixMilli(), 10))
	if f.Recoded {
		said += ",recoded"
	}
	answer, err := s.ask(ctx, http.MethodPost, s.uploads(), nil, map[string]string{
		"Upload-Length": strconv.FormatInt(info.Size(), 10), "Upload-Metadata": said,
	})
	if err != nil {
		return err
	}
	where := answer.Get("Location")
	at, err := strconv.ParseInt(answer.Get("Upload-Offset"), 10, 64)
	for failed := 0; err == nil && at < info.Size(); {
		piece := io.NewSectionReader(file, at, min(sendChunk, info.Size()-at))
		var now int64
		if now, err = s.append(ctx, where, at, piece); err == nil && now > at {
			at, failed = now, 0
			continue
		}
		if failed++; failed == sendTries || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if err = sleep(ctx, sendWait<<failed); err == nil {
			at, err = s.offset(ctx, where, at)
		}
	}
	return err
}

func (s sender) append(ctx context.Context, where string, at int64, piece *io.SectionReader) (int64, error) {
	answer, err := s.ask(ctx, http.MethodPatch, where, piece, map[string]string{
		"Upload-Offset": strconv.FormatInt(at, 10), "Content-Type": "application/offset+octet-stream",
	})
	if err != nil {
		return at, err
	}
	return strconv.ParseInt(answer.Get("Upload-Offset"), 10, 64)
}

// offset is where an upload stands; where nobody answers yet, as it was.
func (s sender) offset(ctx context.Context, where string, was int64) (int64, error) {
	answer, err := s.ask(ctx, http.MethodHead, where, nil, nil)
	var gone *url.Error
	if errors.As(err, &gone) {
		return was, nil
	}
	if err != nil {
		return was, err
	}
	return strconv.ParseInt(answer.Get("Upload-Offset"), 10, 64)
}

// ask is one request by tus.
func (s sender) ask(ctx context.Context, method, path string, body *io.SectionReader, header map[string]string) (http.Header, error) {
	var sent io.Reader
	if body != nil {
		sent = body
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.client.base, "/")+path, sent)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.ContentLength = body.Size()
	}
	request.Header.Set("Authorization", "Bearer "+s.client.token)
	request.Header.Set("Tus-Resumable", "1.0.0")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer, err := s.client.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	data, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		return nil, problemOf(path, answer.StatusCode, data)
	}
	return answer.Header, nil
}

// sleep waits, or fails where ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
