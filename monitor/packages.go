package monitor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"time"

	"earshot"
	"earshot/storage/index"
)

// Evidence that leaves the house.

var packageRoutes = []Route{
	{ID: "list-packages", Method: get, Path: "/api/v1/packages", Need: may(earshot.Export), Tag: "packages", Summary: "Evidence packages, newest first"},
	{ID: "create-package", Method: post, Path: "/api/v1/packages", Need: may(earshot.Export), Tag: "packages", Status: 202,
		Summary: "Begin to make an evidence package of calls, or of spans of them"},
	{ID: "get-package", Method: get, Path: "/api/v1/packages/{id}", Need: may(earshot.Export), Tag: "packages", Summary: "One package, and how far it has come"},
	{ID: "discard-package", Method: del, Path: "/api/v1/packages/{id}", Need: may(earshot.Export), Tag: "packages", Status: 204,
		Summary: "Take a package's file away; its record stays"},
	{ID: "get-package-cover", Method: get, Path: "/api/v1/packages/{id}/cover.pdf", Need: may(earshot.Export), Tag: "packages", Summary: "The cover sheet, ready to sign"},
	{ID: "get-package-file", Method: get, Path: "/api/v1/packages/{id}/file", Need: may(earshot.Export), Tag: "packages", Summary: "The package's file; Range, and its SHA-256 as ETag"},
}

// Packages is what the monitor needs of the maker of packages.
type Packages interface {
	Make(ctx context.Context, p earshot.Package, passphrase, recipient string) (earshot.Package, error)
	Package(ctx context.Context, id string) (earshot.Package, error)
	List(ctx context.Context, cursor string, limit int) (index.PackagePage, error)
	File(ctx context.Context, id string) (*os.File, earshot.Package, error)
	Cover(ctx context.Context, w io.Writer, id string, font []byte) error
	Discard(ctx context.Context, id string) error
}

// paperFont is where the built pages have the font of cover sheets.
const paperFont = "paper/NotoSansSC.ttf"

// ErrNoFont means that the dashboard was not built into this program.
var ErrNoFont = earshot.Fail(earshot.Unavailable, "no_font", "this program was built without the dashboard, and so without a font to draw cover sheets with")

type packageList struct {
	Packages []earshot.Package `json:"packages"`
	Next     string            `json:"next" doc:"the cursor of the page after this one; empty on the last"`
}

type newPackage struct {
	Title      string                   `json:"title" maxLength:"400"`
	Reason     string                   `json:"reason" maxLength:"2000" doc:"why it is made; audited"`
	Calls      []earshot.PackageCall    `json:"calls" maxItems:"100"`
	Silence    []earshot.PackageSilence `json:"silence,omitempty" maxItems:"500" doc:"stretches with other people's data, replaced by silence"`
	Passphrase string                   `json:"passphrase,omitempty" maxLength:"200" doc:"encrypts the file; it is kept nowhere"`
	Recipient  string                   `json:"recipient,omitempty" maxLength:"200" doc:"encrypts the file to an age public key"`
	Language   string                   `json:"language,omitempty" enum:"zh,en" default:"zh"`
}

func (s *Server) packageOperations(b *book) {
	enter(s, b, "list-packages", s.listPackages)
	enter(s, b, "create-package", s.createPackage)
	enter(s, b, "get-package", s.getPackage)
	enter(s, b, "discard-package", s.discardPackage)
	enter(s, b, "get-package-cover", s.getPackageCover)
}

func (s *Server) listPackages(ctx context.Context, in *struct {
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}) (*body[packageList], error) {
	page, err := s.Packages.List(ctx, in.Cursor, in.Limit)
	return answerWith(packageList{listOf(page.Packages), page.Next}), err
}

func (s *Server) createPackage(ctx context.Context, in *struct{ Body newPackage }) (*body[earshot.Package], error) {
	p, err := s.Packages.Make(ctx, earshot.Package{
		Title: in.Body.Title, Reason: in.Body.Reason, Calls: in.Body.Calls, Silence: in.Body.Silence,
		Language: in.Body.Language, By: visitOf(ctx).who.Who(),
	}, in.Body.Passphrase, in.Body.Recipient)
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditExport, "package:"+p.ID, p.Reason)
	return answerWith(p), nil
}

func (s *Server) getPackage(ctx context.Context, in *ByID) (*body[earshot.Package], error) {
	p, err := s.Packages.Package(ctx, in.ID)
	return answerWith(p), err
}

func (s *Server) discardPackage(ctx context.Context, in *ByID) (*nothing, error) {
	if err := s.Packages.Discard(ctx, in.ID); err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditDelete, "package:"+in.ID, "")
	return nil, nil
}

func (s *Server) getPackageCover(ctx context.Context, in *ByID) (*plainText, error) {
	font, err := fs.ReadFile(s.Assets, paperFont)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoFont
	}
	if err != nil {
		return nil, err
	}
	var sheet bytes.Buffer
	if err := s.Packages.Cover(ctx, &sheet, in.ID, font); err != nil {
		return nil, err
	}
	return &plainText{"application/pdf", "no-store", sheet.Bytes()}, nil
}

// servePackage answers get-package-file.
func (s *Server) servePackage(w http.ResponseWriter, r *http.Request) {
	file, p, err := s.Packages.File(r.Context(), r.PathValue("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer closeRead(file)
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	if p.Encrypted {
		h.Set("Content-Type", "application/octet-stream")
	}
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.File}))
	h.Set("Cache-Control", "private, no-store")
	h.Set("ETag", `"`+p.SHA256+`"`)
	row := s.row(visitOf(r.Context()).who, earshot.AuditDownload, Subject{Seat: "package:" + p.ID})
	row.Reason = p.Reason
	s.audit.AddOnce("download|"+row.Who+"|"+row.Target, row)
	http.ServeContent(w, r, "", time.Time{}, file)
}
