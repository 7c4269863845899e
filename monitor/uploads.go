package monitor

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/storage"
)

// Files are uploaded by tus 1.0.0 (core, creation, termination): each request
// says where it goes on, so that nothing is sent twice after a cut network, a
// reload or a restart.

var uploadRoutes = []Route{
	{ID: "list-uploads", Method: get, Path: "/api/v1/imports/{id}/uploads", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "What was uploaded for an import, by path"},
	{ID: "upload-options", Method: http.MethodOptions, Path: "/api/v1/imports/{id}/uploads", Need: may(earshot.BringIn), Tag: "imports",
		Status: 204, Summary: "What of tus is spoken here"},
	{ID: "begin-upload", Method: post, Path: "/api/v1/imports/{id}/uploads", Need: may(earshot.BringIn), Tag: "imports",
		Status: 201, Summary: "Begin to upload a file (tus creation)"},
	{ID: "get-upload", Method: http.MethodHead, Path: "/api/v1/imports/{id}/uploads/{u}", Need: may(earshot.BringIn), Tag: "imports",
		Summary: "How much of a file has arrived (tus)"},
	{ID: "append-upload", Method: patch, Path: "/api/v1/imports/{id}/uploads/{u}", Need: may(earshot.BringIn), Tag: "imports",
		Status: 204, Summary: "More of a file (tus)"},
	{ID: "discard-upload", Method: del, Path: "/api/v1/imports/{id}/uploads/{u}", Need: may(earshot.BringIn), Tag: "imports",
		Status: 204, Summary: "Take a file away (tus termination)"},
}

// Uploads is what the monitor needs of the keeper of uploads; storage.Uploads
// satisfies it.
type Uploads interface {
	Begin(imported string, file storage.NewUpload) (storage.Upload, error)
	Upload(ctx context.Context, imported, id string) (storage.Upload, error)
	Append(ctx context.Context, imported, id string, offset int64, r io.Reader, interrupt func()) (storage.Upload, error)
	Discard(ctx context.Context, imported, id string, at int64) (storage.Upload, error)
	Seal(imported string, begin func(storage.UploadTotals) error) error
	List(imported, after string, limit int) ([]storage.Upload, error)
	Totals(imported string) (storage.UploadTotals, error)
	Forget(imported string) error
}

const (
	tusVersion   = "1.0.0"
	tusMediaType = "application/offset+octet-stream"

	// silentWithin is how long an upload may send nothing.
	silentWithin = 60 * time.Second
	// metadataLimit bounds what is said of a file, in bytes.
	metadataLimit = 8 << 10
)

// errUploadHeader means a request that is not as the protocol has it.
var errUploadHeader = earshot.Fail(earshot.Invalid, "bad_upload", "this is no upload by tus 1.0.0")

// tus answers requests by the protocol; one of another version is told which is
// spoken here.
func (s *Server) tus(handle func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Tus-Resumable", tusVersion)
		if r.Method != http.MethodOptions && r.Header.Get("Tus-Resumable") != tusVersion {
			w.Header().Set("Tus-Version", tusVersion)
			(&Problem{Type: "about:blank", Title: http.StatusText(http.StatusPreconditionFailed), Status: http.StatusPreconditionFailed,
				Detail: "uploads are spoken of in tus 1.0.0: say so by Tus-Resumable", Code: "tus_version"}).write(w)
			return
		}
		if err := handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) uploadOptions(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", "creation,termination")
	h.Set("Tus-Max-Size", strconv.FormatInt(storage.MostUploadBytes, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) beginUpload(w http.ResponseWriter, r *http.Request) error {
	bytes, err := uploadNumber(r, "Upload-Length")
	if err != nil {
		return err
	}
	file, err := uploadFile(r.Header.Get("Upload-Metadata"))
	if err != nil {
		return err
	}
	file.Bytes = bytes
	id := r.PathValue("id")
	if err := s.gathers(r.Context(), id); err != nil {
		return err
	}
	upload, err := s.Uploads.Begin(id, file)
	if err != nil {
		return err
	}
	row := s.row(visitOf(r.Context()).who, earshot.AuditUpload, Subject{Seat: importTarget(id)})
	row.Reason = file.Path
	s.audit.AddOnce("upload|"+row.Who+"|"+row.Target, row)
	w.Header().Set("Location", "/api/v1/imports/"+id+"/uploads/"+upload.ID)
	w.Header().Set("Upload-Offset", strconv.FormatInt(upload.Offset, 10))
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (s *Server) getUpload(w http.ResponseWriter, r *http.Request) error {
	upload, err := s.Uploads.Upload(r.Context(), r.PathValue("id"), r.PathValue("u"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Upload-Offset", strconv.FormatInt(upload.Offset, 10))
	h.Set("Upload-Length", strconv.FormatInt(upload.Bytes, 10))
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) appendUpload(w http.ResponseWriter, r *http.Request) error {
	offset, err := uploadNumber(r, "Upload-Offset")
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") != tusMediaType {
		return earshot.Fail(earshot.Unsupported, "unsupported", "what is uploaded is %s", tusMediaType)
	}
	if err := s.gathers(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	body := &steadyBody{r: r.Body, control: http.NewResponseController(w)}
	upload, err := s.Uploads.Append(r.Context(), r.PathValue("id"), r.PathValue("u"), offset, body, body.interrupt)
	if err != nil {
		if errors.Is(err, storage.ErrWrongOffset) {
			w.Header().Set("Upload-Offset", strconv.FormatInt(upload.Offset, 10))
		}
		return err
	}
	w.Header().Set("Upload-Offset", strconv.FormatInt(upload.Offset, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// discardUpload takes a file away; with Upload-Offset only one that rests there.
func (s *Server) discardUpload(w http.ResponseWriter, r *http.Request) (err error) {
	at := storage.Wherever
	if r.Header.Get("Upload-Offset") != "" {
		if at, err = uploadNumber(r, "Upload-Offset"); err != nil {
			return err
		}
	}
	if err := s.gathers(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	gone, err := s.Uploads.Discard(r.Context(), r.PathValue("id"), r.PathValue("u"), at)
	if err != nil {
		return err
	}
	s.didTo(r.Context(), earshot.AuditDiscard, importTarget(r.PathValue("id")), gone.Path)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// gathers is nil if the import still takes files.
func (s *Server) gathers(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, handleWithin)
	defer cancel()
	batch, err := s.Imports.Import(ctx, id)
	if err == nil && batch.State != earshot.ImportDraft {
		err = storage.ErrImportBegun
	}
	return err
}

// uploadNumber is a header that is a length or an offset.
func uploadNumber(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.Header.Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0, earshot.Fail(errUploadHeader.Kind, errUploadHeader.Code, "%s is a number of bytes", name)
	}
	return n, nil
}

// uploadFile is what is said of the file, but for its length, out of
// Upload-Metadata: keys, each with a value in base64, with commas between.
func uploadFile(metadata string) (file storage.NewUpload, err error) {
	bad := earshot.Fail(errUploadHeader.Kind, errUploadHeader.Code, "Upload-Metadata has the file's path, in base64")
	if len(metadata) > metadataLimit {
		return file, bad
	}
	for pair := range strings.SplitSeq(metadata, ",") {
		key, coded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			return file, bad.Because(err)
		}
		switch key {
		case "path":
			file.Path = string(value)
		case "modified":
			ms, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil {
				return file, earshot.Fail(bad.Kind, bad.Code, "modified is in milliseconds since 1970").Because(err)
			}
			file.Modified = sensibleTime(ms)
		case "recoded":
			file.Recoded = true
		}
	}
	if file.Path == "" {
		return file, bad
	}
	return file, nil
}

// sensibleTime is the instant, or none if it is out of what file systems keep.
func sensibleTime(ms int64) time.Time {
	if ms <= 0 || ms > 1<<43 { // in 2248
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// steadyBody is a request's body that may be long in coming, but must keep coming.
type steadyBody struct {
	r           io.Reader
	control     *http.ResponseController
	interrupted atomic.Bool
}

// Read gives what comes next its time.
func (b *steadyBody) Read(p []byte) (int, error) {
	// A writer without deadlines, as in tests, does without.
	_ = b.control.SetReadDeadline(time.Now().Add(silentWithin))
	if b.interrupted.Load() {
		return 0, context.Canceled
	}
	return b.r.Read(p)
}

// interrupt ends a read that waits, and all that follow.
func (b *steadyBody) interrupt() {
	b.interrupted.Store(true)
	_ = b.control.SetReadDeadline(time.Now())
}
