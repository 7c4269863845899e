package monitor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/audio/wav"
	"earshot/storage"
)

// tus is a visitor who uploads, header by header.
type tus struct {
	visitor
	imported string
}

func (h *house) uploader() tus {
	h.t.Helper()
	v := h.user(earshot.RoleEvidence)
	id := v.do(http.MethodPost, "/api/v1/imports", newImport{"旧录音"}).want(http.StatusCreated).field("id")
	return tus{v, id}
}

func (u tus) ask(method, path, body string, header ...string) answered {
	u.h.t.Helper()
	r := u.request(method, path, nil)
	if body != "" {
		r = u.request(method, path, body)
	}
	r.Header.Set("Tus-Resumable", tusVersion)
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", tusMediaType)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return u.h.send(r)
}

func (u tus) all() string { return "/api/v1/imports/" + u.imported + "/uploads" }

func named64(path string) string { return "path " + base64.StdEncoding.EncodeToString([]byte(path)) }

// begin answers where the file goes.
func (u tus) begin(path string, length int) string {
	u.h.t.Helper()
	return u.ask(http.MethodPost, u.all(), "", "Upload-Length", strconv.Itoa(length), "Upload-Metadata", named64(path)).
		want(http.StatusCreated).header.Get("Location")
}

func TestAFileIsUploadedByTus(t *testing.T) {
	h := open(t)
	u := h.uploader()
	options := u.ask(http.MethodOptions, u.all(), "").want(http.StatusNoContent)
	if got := options.header.Get("Tus-Extension"); got != "creation,termination" || options.header.Get("Tus-Max-Size") != fmt.Sprint(storage.MostUploadBytes) {
		t.Errorf("the options are %v", options.header)
	}
	where := u.begin("2016/一.wav", 10)
	a := u.ask(http.MethodPatch, where, "01234", "Upload-Offset", "0").want(http.StatusNoContent)
	if got := a.header.Get("Upload-Offset"); got != "5" || a.header.Get("Tus-Resumable") != tusVersion {
		t.Fatalf("after five bytes: %v", a.header)
	}
	head := u.ask(http.MethodHead, where, "").want(http.StatusOK)
	if head.header.Get("Upload-Offset") != "5" || head.header.Get("Upload-Length") != "10" || head.header.Get("Cache-Control") != "no-store" {
		t.Errorf("where it is: %v", head.header)
	}
	if again := u.begin("2016/一.wav", 10); again != where {
		t.Errorf("the same file goes to %s, then to %s", where, again)
	}
	u.do(http.MethodPost, "/api/v1/imports/"+u.imported+"/start", nil).fails(http.StatusConflict, "import_incomplete")
	u.ask(http.MethodPatch, where, "56789", "Upload-Offset", "5").want(http.StatusNoContent)
	var list uploadList
	u.get(u.all()).want(http.StatusOK).into(&list)
	if len(list.Uploads) != 1 || !list.Uploads[0].Done() || list.Uploads[0].Path != "2016/一.wav" || list.Files != 1 || list.Bytes != 10 {
		t.Errorf("listed are %+v", list)
	}
	var one earshot.Import
	u.get("/api/v1/imports/" + u.imported).want(http.StatusOK).into(&one)
	if one.Files != 1 || one.Bytes != 10 || one.State != earshot.ImportDraft {
		t.Errorf("the import is %+v", one)
	}
	u.ask(http.MethodDelete, where, "", "Upload-Offset", "5").fails(http.StatusConflict, "wrong_offset")
	u.ask(http.MethodDelete, where, "", "Upload-Offset", "x").fails(http.StatusUnprocessableEntity, "bad_upload")
	u.ask(http.MethodDelete, where, "").want(http.StatusNoContent)
	u.ask(http.MethodHead, where, "").want(http.StatusNotFound)
	u.do(http.MethodPost, "/api/v1/imports/"+u.imported+"/start", nil).fails(http.StatusConflict, "import_empty")
	for _, action := range []string{earshot.AuditUpload, earshot.AuditDiscard} {
		if row := h.audited(action, 1)[0]; row.Target != "import:"+u.imported || row.Reason != "2016/一.wav" {
			t.Errorf("audited was %+v", row)
		}
	}
}

// What is wrong with a request, one a row, and what is answered.
func TestUploadsThatAreNoTus(t *testing.T) {
	h := open(t)
	u := h.uploader()
	where := u.begin("a.wav", 10)
	u.ask(http.MethodPatch, where, "01234", "Upload-Offset", "0").want(http.StatusNoContent)
	big := fmt.Sprint(int64(storage.MostUploadBytes) + 1)
	for name, row := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		code               string
	}{
		"no version":         {http.MethodPatch, where, "5", []string{"Upload-Offset", "5", "Tus-Resumable", ""}, http.StatusPreconditionFailed, "tus_version"},
		"another version":    {http.MethodPost, u.all(), "", []string{"Tus-Resumable", "0.2.2"}, http.StatusPreconditionFailed, "tus_version"},
		"a wrong offset":     {http.MethodPatch, where, "5", []string{"Upload-Offset", "4"}, http.StatusConflict, "wrong_offset"},
		"no offset":          {http.MethodPatch, where, "5", nil, http.StatusUnprocessableEntity, "bad_upload"},
		"a negative offset":  {http.MethodPatch, where, "5", []string{"Upload-Offset", "-1"}, http.StatusUnprocessableEntity, "bad_upload"},
		"another media type": {http.MethodPatch, where, "5", []string{"Upload-Offset", "5", "Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, "unsupported"},
		"no length":          {http.MethodPost, u.all(), "", []string{"Upload-Metadata", named64("b.wav")}, http.StatusUnprocessableEntity, "bad_upload"},
		"too large":          {http.MethodPost, u.all(), "", []string{"Upload-Length", big, "Upload-Metadata", named64("b.wav")}, http.StatusRequestEntityTooLarge, "upload_too_large"},
		"no path":            {http.MethodPost, u.all(), "", []string{"Upload-Length", "1"}, http.StatusUnprocessableEntity, "bad_upload"},
		"no base64":          {http.MethodPost, u.all(), "", []string{"Upload-Length", "1", "Upload-Metadata", "path !!"}, http.StatusUnprocessableEntity, "bad_upload"},
		"a path that climbs": {http.MethodPost, u.all(), "", []string{"Upload-Length", "1", "Upload-Metadata", named64("../../etc/passwd")}, http.StatusUnprocessableEntity, "bad_upload_path"},
		"another length":     {http.MethodPost, u.all(), "", []string{"Upload-Length", "11", "Upload-Metadata", named64("a.wav")}, http.StatusConflict, "path_taken"},
		"no such upload":     {http.MethodPatch, u.all() + "/nothing", "5", []string{"Upload-Offset", "0"}, http.StatusNotFound, "no_upload"},
		"no such import":     {http.MethodPost, "/api/v1/imports/" + earshot.NewID(time.Now()) + "/uploads", "", []string{"Upload-Length", "1", "Upload-Metadata", named64("b.wav")}, http.StatusNotFound, "no_import"},
	} {
		a := u.ask(row.method, row.path, row.body, row.header...).fails(row.status, row.code)
		if a.header.Get("Tus-Resumable") != tusVersion {
			t.Errorf("%s: the version is not said", name)
		}
		if row.code == "tus_version" && a.header.Get("Tus-Version") != tusVersion {
			t.Errorf("%s: it is not said which version is spoken", name)
		}
		if row.code == "wrong_offset" && a.header.Get("Upload-Offset") != "5" {
			t.Errorf("%s: it is not said where it is", name)
		}
	}
	u.ask(http.MethodPatch, where, "5678901", "Upload-Offset", "5").fails(http.StatusRequestEntityTooLarge, "upload_overrun")
}

func TestUploadsLeaveTheDiskToRecording(t *testing.T) {
	h := open(t)
	u := h.uploader()
	h.room.free.Store(1<<30 + 5)
	u.ask(http.MethodPost, u.all(), "", "Upload-Length", "6", "Upload-Metadata", named64("a.wav")).fails(http.StatusInsufficientStorage, "no_room")
	u.begin("a.wav", 5)
}

// A page of another site cannot upload with the cookie of who visits it, and a
// session that has ended uploads nothing more.
func TestWhoMayUpload(t *testing.T) {
	h := open(t)
	u := h.uploader()
	where := u.begin("a.wav", 10)
	r := u.request(http.MethodPatch, where, "01234")
	r.Header.Del("Authorization")
	r.AddCookie(&http.Cookie{Name: cookieName, Value: u.token})
	r.Header.Set("Tus-Resumable", tusVersion)
	r.Header.Set("Content-Type", tusMediaType)
	r.Header.Set("Upload-Offset", "0")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	h.send(r).fails(http.StatusForbidden, "bad_origin")
	u.do(http.MethodPost, "/api/v1/logout", nil).want(http.StatusNoContent)
	u.ask(http.MethodPatch, where, "01234", "Upload-Offset", "0").fails(http.StatusUnauthorized, "sign_in")
	back := tus{h.signIn("evidence-1", "password of evidence"), u.imported}
	if got := back.ask(http.MethodHead, where, "").want(http.StatusOK).header.Get("Upload-Offset"); got != "0" {
		t.Errorf("it stands at %s", got)
	}
	back.ask(http.MethodPatch, where, "0123456789", "Upload-Offset", "0").want(http.StatusNoContent)
}

// An import through the API, from its files to its report; then it takes no more.
func TestAnImportRuns(t *testing.T) {
	h := open(t)
	admin := h.admin()
	h.seat(admin, "w1")
	u := h.uploader()
	html := "<html>404</html>"
	where := u.begin("20160304/=w1_101500.mp3", len(html))
	u.ask(http.MethodPatch, where, html, "Upload-Offset", "0").want(http.StatusNoContent)
	var suggested suggestions
	u.get("/api/v1/imports/" + u.imported + "/suggestions").want(http.StatusOK).into(&suggested)
	if len(suggested.Suggestions) == 0 || suggested.Suggestions[0].Pattern != "{date:yyyyMMdd}/={seat}_{time:HHmmss}" {
		t.Errorf("suggested was %+v", suggested)
	}
	settings := earshot.ImportSettings{Pattern: "{date:yyyyMMdd}/={seat}_{time:HHmmss}", Charset: "auto"}
	var preview earshot.ImportPreview
	u.do(http.MethodPost, "/api/v1/imports/"+u.imported+"/preview", previewAsk{Settings: settings}).want(http.StatusOK).into(&preview)
	if len(preview.Rows) != 1 || preview.Matched != 1 || preview.Rows[0].Facts.Seat != "w1" {
		t.Errorf("the preview is %+v", preview)
	}
	u.do(http.MethodPatch, "/api/v1/imports/"+u.imported, importPatch{Settings: &settings}).want(http.StatusOK)
	u.do(http.MethodPost, "/api/v1/imports/"+u.imported+"/start", nil).want(http.StatusAccepted)
	var one earshot.Import
	h.eventually("the import is done", func() bool {
		u.get("/api/v1/imports/" + u.imported).want(http.StatusOK).into(&one)
		return one.State == earshot.ImportDone
	})
	if one.Refused != 1 || one.Files != 1 {
		t.Errorf("it came to %+v", one)
	}
	var files importFiles
	u.get("/api/v1/imports/" + u.imported + "/files?fate=refused").want(http.StatusOK).into(&files)
	if len(files.Files) != 1 || files.Files[0].Code != "is_html" {
		t.Errorf("the files are %+v", files)
	}
	report := string(u.get("/api/v1/imports/" + u.imported + "/report?format=csv&lang=zh").want(http.StatusOK).body)
	if !strings.HasPrefix(report, byteOrderMark) || !strings.Contains(report, "未导入,网页") || strings.Count(report, "\r\n") != 2 {
		t.Errorf("the report is %q", report)
	}
	u.get("/api/v1/imports/" + u.imported + "/report?format=xlsx").want(http.StatusOK)
	u.ask(http.MethodPost, u.all(), "", "Upload-Length", "1", "Upload-Metadata", named64("late.wav")).fails(http.StatusConflict, "import_begun")
	u.do(http.MethodDelete, "/api/v1/imports/"+u.imported, nil).want(http.StatusNoContent)
	u.get("/api/v1/imports/"+u.imported).fails(http.StatusNotFound, "no_import")
	if row := h.audited(earshot.AuditImport, 1)[0]; row.Target != "import:"+u.imported || !strings.Contains(row.Reason, "1 files") {
		t.Errorf("audited was %+v", row)
	}
}

// What the sender alone knows of a file's name stands in the server's report.
func TestTheReportSaysWhoseNamesWereRecoded(t *testing.T) {
	h := open(t)
	h.seat(h.admin(), "w1")
	u := h.uploader()
	sound := string(append(wav.AppendHeader(nil, wav.ALaw, 1, 4000), bytes.Repeat([]byte{0x55, 0xd5}, 2000)...))
	for name, said := range map[string]string{"刘洋.wav": ",recoded", "plain.wav": ""} {
		sent := sound + name // other bytes: another call
		where := u.ask(http.MethodPost, u.all(), "", "Upload-Length", strconv.Itoa(len(sent)), "Upload-Metadata", named64(name)+said).
			want(http.StatusCreated).header.Get("Location")
		u.ask(http.MethodPatch, where, sent, "Upload-Offset", "0").want(http.StatusNoContent)
	}
	settings := earshot.ImportSettings{Seat: "w1", Charset: "auto"}
	u.do(http.MethodPatch, "/api/v1/imports/"+u.imported, importPatch{Settings: &settings}).want(http.StatusOK)
	u.do(http.MethodPost, "/api/v1/imports/"+u.imported+"/start", nil).want(http.StatusAccepted)
	h.eventually("the import is done", func() bool {
		var one earshot.Import
		u.get("/api/v1/imports/" + u.imported).want(http.StatusOK).into(&one)
		return one.State == earshot.ImportDone
	})
	var files importFiles
	u.get("/api/v1/imports/" + u.imported + "/files?remark=" + earshot.RemarkNameRecoded).want(http.StatusOK).into(&files)
	if len(files.Files) != 1 || files.Files[0].Path != "刘洋.wav" || files.Files[0].Fate != earshot.FateStored {
		t.Errorf("the files are %+v", files)
	}
	report := string(u.get("/api/v1/imports/" + u.imported + "/report?format=csv&lang=zh").want(http.StatusOK).body)
	if strings.Count(report, "文件名不是 UTF-8，按 GB18030 读取") != 1 {
		t.Errorf("the report is %q", report)
	}
}
