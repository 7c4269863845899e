package monitor

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

// Bringing recordings of older recorders in.

var importRoutes = []Route{
	{ID: "list-imports", Method: get, Path: "/api/v1/imports", Need: may(earshot.BringIn), Tag: "imports", Summary: "Imports, newest first"},
	{ID: "create-import", Method: post, Path: "/api/v1/imports", Need: may(earshot.BringIn), Tag: "imports", Status: 201,
		Summary: "Begin an import: a draft, into which files are uploaded"},
	{ID: "get-import", Method: get, Path: "/api/v1/imports/{id}", Need: may(earshot.BringIn), Tag: "imports", Summary: "One import, and how far it has come"},
	{ID: "update-import", Method: patch, Path: "/api/v1/imports/{id}", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "Name an import, or say where its facts come from"},
	{ID: "delete-import", Method: del, Path: "/api/v1/imports/{id}", Need: may(earshot.BringIn), Tag: "imports", Status: 204,
		Summary: "Take an import's uploads and its record away; what became calls stays"},
	{ID: "preview-import", Method: post, Path: "/api/v1/imports/{id}/preview", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "What settings would make of an import's files; nothing is changed"},
	{ID: "suggest-patterns", Method: get, Path: "/api/v1/imports/{id}/suggestions", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "Patterns that fit the names of an import's files, the best first"},
	{ID: "start-import", Method: post, Path: "/api/v1/imports/{id}/start", Need: may(earshot.BringIn), Tag: "imports", Status: 202,
		Summary: "Begin to take the files in, or go on after a stop"},
	{ID: "stop-import", Method: post, Path: "/api/v1/imports/{id}/stop", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "Stop after the file at hand; a later start goes on from there"},
	{ID: "list-import-files", Method: get, Path: "/api/v1/imports/{id}/files", Need: may(earshot.BringIn), Tag: "imports", Summary: "An import's files and their fates, by path"},
	{ID: "count-import-reasons", Method: get, Path: "/api/v1/imports/{id}/reasons", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "How many files were refused, and why, and how many have remarks"},
	{ID: "get-import-report", Method: get, Path: "/api/v1/imports/{id}/report", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "Every file of an import with its fate, as a spreadsheet"},
}

// Imports is what the monitor needs of what brings files in.
type Imports interface {
	Imports(ctx context.Context, cursor string, limit int) (index.ImportPage, error)
	Import(ctx context.Context, id string) (earshot.Import, error)
	Create(ctx context.Context, name, by string) (earshot.Import, error)
	Change(ctx context.Context, id string, name *string, settings *earshot.ImportSettings) (earshot.Import, error)
	Delete(ctx context.Context, id string) error
	Preview(ctx context.Context, id string, settings earshot.ImportSettings, paths []string) (earshot.ImportPreview, error)
	Start(ctx context.Context, id string) (earshot.Import, error)
	Stop(ctx context.Context, id string) (earshot.Import, error)
	Reasons(ctx context.Context, id string) (earshot.ImportReasons, error)
	Files(ctx context.Context, q index.ImportFileQuery) (index.ImportFilePage, error)
}

func importTarget(id string) string { return "import:" + id }

type importList struct {
	Imports []earshot.Import `json:"imports"`
	Next    string           `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type newImport struct {
	Name string `json:"name" maxLength:"400"`
}

type importPatch struct {
	Name     *string                 `json:"name,omitempty" maxLength:"400"`
	Settings *earshot.ImportSettings `json:"settings,omitempty"`
}

type previewAsk struct {
	Settings earshot.ImportSettings `json:"settings"`
	Paths    []string               `json:"paths,omitempty" maxItems:"200" doc:"only these; all files if left out, of which the first 200 are answered"`
}

type suggestions struct {
	Suggestions []earshot.ImportSuggestion `json:"suggestions"`
}

type importFiles struct {
	Files []earshot.ImportFile `json:"files"`
	Next  string               `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type uploadList struct {
	Uploads []storage.Upload `json:"uploads"`
	Next    string           `json:"next" doc:"the path to go on behind; empty on the last page"`
	storage.UploadTotals
}

func (s *Server) importOperations(b *book) {
	enter(s, b, "list-imports", s.listImports)
	enter(s, b, "create-import", s.createImport)
	enter(s, b, "get-import", func(ctx context.Context, in *ByID) (*body[earshot.Import], error) {
		one, err := s.importNow(ctx, in.ID)
		return answerWith(one), err
	})
	enter(s, b, "update-import", s.updateImport)
	enter(s, b, "delete-import", s.deleteImport)
	enter(s, b, "preview-import", s.previewImport)
	enter(s, b, "suggest-patterns", s.suggestPatterns)
	enter(s, b, "start-import", s.startImport)
	enter(s, b, "stop-import", s.stopImport)
	enter(s, b, "list-import-files", s.listImportFiles)
	enter(s, b, "count-import-reasons", func(ctx context.Context, in *ByID) (*body[earshot.ImportReasons], error) {
		why, err := s.Imports.Reasons(ctx, in.ID)
		return answerWith(why), err
	})
	enter(s, b, "list-uploads", s.listUploads)
	enter(s, b, "get-import-report", s.importReport)
	content := map[string]*huma.MediaType{}
	for _, t := range []string{csvType, workbookType} {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	b.api.OpenAPI().Paths["/api/v1/imports/{id}/report"].Get.Responses["200"].Content = content
	describeUploads(b)
}

func (s *Server) listImports(ctx context.Context, in *struct {
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}) (*body[importList], error) {
	page, err := s.Imports.Imports(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	for i := range page.Imports {
		if page.Imports[i], err = s.withUploads(page.Imports[i]); err != nil {
			return nil, err
		}
	}
	return answerWith(importList{listOf(page.Imports), page.Next}), nil
}

// importNow is an import as it stands.
func (s *Server) importNow(ctx context.Context, id string) (earshot.Import, error) {
	one, err := s.Imports.Import(ctx, id)
	if err != nil {
		return one, err
	}
	return s.withUploads(one)
}

// withUploads says of a draft what was uploaded so far: its files are written down
// when it is looked at or begins.
func (s *Server) withUploads(one earshot.Import) (earshot.Import, error) {
	if one.State != earshot.ImportDraft {
		return one, nil
	}
	totals, err := s.Uploads.Totals(one.ID)
	one.Files, one.Bytes = totals.Files, totals.Bytes
	return one, err
}

func (s *Server) createImport(ctx context.Context, in *struct{ Body newImport }) (*body[earshot.Import], error) {
	one, err := s.Imports.Create(ctx, in.Body.Name, visitOf(ctx).who.Who())
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditCreate, importTarget(one.ID), one.Name)
	return answerWith(one), nil
}

func (s *Server) updateImport(ctx context.Context, in *struct {
	ByID
	Body importPatch
}) (*body[earshot.Import], error) {
	one, err := s.Imports.Change(ctx, in.ID, in.Body.Name, in.Body.Settings)
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditUpdate, importTarget(one.ID), one.Name)
	one, err = s.withUploads(one)
	return answerWith(one), err
}

func (s *Server) deleteImport(ctx context.Context, in *ByID) (*nothing, error) {
	one, err := s.Imports.Import(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.Imports.Delete(ctx, in.ID); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditDelete, importTarget(in.ID), one.Name)
	return nil, s.Uploads.Forget(in.ID)
}

func (s *Server) previewImport(ctx context.Context, in *struct {
	ByID
	Body previewAsk
}) (*body[earshot.ImportPreview], error) {
	preview, err := s.Imports.Preview(ctx, in.ID, in.Body.Settings, in.Body.Paths)
	return answerWith(preview), err
}

// mostSuggestedFrom is how many files are looked at for patterns.
const mostSuggestedFrom = 2000

func (s *Server) suggestPatterns(ctx context.Context, in *ByID) (*body[suggestions], error) {
	if _, err := s.Imports.Import(ctx, in.ID); err != nil {
		return nil, err
	}
	uploads, err := s.Uploads.List(in.ID, "", mostSuggestedFrom)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(uploads))
	for i, u := range uploads {
		paths[i] = u.Path
	}
	seats, err := s.Index.Seats(ctx)
	if err != nil {
		return nil, err
	}
	return answerWith(suggestions{listOf(earshot.SuggestImportPatterns(paths, seats))}), nil
}

func (s *Server) startImport(ctx context.Context, in *ByID) (*body[earshot.Import], error) {
	one, err := s.Imports.Import(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var started earshot.Import
	start := func(totals storage.UploadTotals) (err error) {
		if one.State == earshot.ImportDraft {
			one.Files, one.Bytes = totals.Files, totals.Bytes
		}
		started, err = s.Imports.Start(ctx, in.ID)
		return err
	}
	if one.State == earshot.ImportDraft {
		err = s.Uploads.Seal(in.ID, start)
	} else {
		err = start(storage.UploadTotals{})
	}
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditImport, importTarget(in.ID), fmt.Sprintf("%s: %d files, %d bytes", one.Name, one.Files, one.Bytes))
	return answerWith(started), nil
}

func (s *Server) stopImport(ctx context.Context, in *ByID) (*body[earshot.Import], error) {
	one, err := s.Imports.Stop(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditImportStop, importTarget(in.ID), one.Name)
	return answerWith(one), nil
}

func (s *Server) listImportFiles(ctx context.Context, in *struct {
	ByID
	Fate   string `query:"fate" enum:"stored,duplicate,refused,waiting"`
	Remark string `query:"remark" maxLength:"64" doc:"only files with this remark"`
	Cursor string `query:"cursor" maxLength:"8000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*body[importFiles], error) {
	page, err := s.Imports.Files(ctx, index.ImportFileQuery{Batch: in.ID, Fate: earshot.ImportFate(in.Fate), Remark: in.Remark, Cursor: in.Cursor, Limit: in.Limit})
	return answerWith(importFiles{listOf(page.Files), page.Next}), err
}

func (s *Server) listUploads(ctx context.Context, in *struct {
	ByID
	After string `query:"after" maxLength:"4000" doc:"only files whose paths come behind this one"`
	Limit int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}) (*body[uploadList], error) {
	if _, err := s.Imports.Import(ctx, in.ID); err != nil {
		return nil, err
	}
	totals, err := s.Uploads.Totals(in.ID)
	if err != nil {
		return nil, err
	}
	uploads, err := s.Uploads.List(in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	list := uploadList{Uploads: listOf(uploads), UploadTotals: totals}
	if len(uploads) == in.Limit {
		list.Next = uploads[len(uploads)-1].Path
	}
	return answerWith(list), nil
}

// importHandlers are the operations that are not JSON, by pattern.
func (s *Server) importHandlers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"OPTIONS /api/v1/imports/{id}/uploads":    s.tus(s.uploadOptions),
		"POST /api/v1/imports/{id}/uploads":       s.tus(s.beginUpload),
		"HEAD /api/v1/imports/{id}/uploads/{u}":   s.tus(s.getUpload),
		"PATCH /api/v1/imports/{id}/uploads/{u}":  s.tus(s.appendUpload),
		"DELETE /api/v1/imports/{id}/uploads/{u}": s.tus(s.discardUpload),
	}
}
