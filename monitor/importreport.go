package monitor

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
	"earshot/storage/imports"
	"earshot/storage/index"
)

// reportPage is how many files are read at once.
const reportPage = 1000

type reportAsk struct {
	ByID
	Format string `query:"format" enum:"csv,xlsx" default:"csv"`
	Lang   string `query:"lang" enum:"zh,en" default:"zh"`
}

// reportWords are a report's words in one language.
type reportWords struct {
	sheet string
	heads []any
	fates map[earshot.ImportFate]string
}

var reportsIn = map[string]reportWords{
	"zh": {"导入结果", []any{"文件", "大小（字节）", "结果", "原因", "备注", "时长", "通话编号", "SHA-256", "文件修改时间"},
		map[earshot.ImportFate]string{earshot.FateStored: "已导入", earshot.FateDuplicate: "重复", earshot.FateRefused: "未导入", earshot.FateWaiting: "等待"}},
	"en": {"Import", []any{"File", "Bytes", "Fate", "Why", "Remarks", "Length", "Call ID", "SHA-256", "File modified"},
		map[earshot.ImportFate]string{earshot.FateStored: "stored", earshot.FateDuplicate: "duplicate", earshot.FateRefused: "refused", earshot.FateWaiting: "waiting"}},
}

// reportColumns are the widths of a workbook's columns, in characters.
var reportColumns = []column{{width: 60}, {width: 14}, {width: 12}, {width: 50}, {width: 50}, {width: 10}, {width: 38}, {width: 20}, {width: 20}}

func (s *Server) importReport(ctx context.Context, in *reportAsk) (*huma.StreamResponse, error) {
	one, err := s.Imports.Import(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	q := index.ImportFileQuery{Batch: in.ID, Limit: reportPage}
	first, err := s.Imports.Files(ctx, q)
	if err != nil {
		return nil, err
	}
	done, err := s.exporting.begin(visitOf(ctx).who.Who())
	if err != nil {
		return nil, err
	}
	s.didTo(ctx, earshot.AuditDownload, importTarget(in.ID), one.Name)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer done()
		name := "import-" + one.At.In(s.Location).Format("20060102-150405")
		s.answerSheet(hc, name, in.Format, func(ctx context.Context, w *exportOutput) error { return s.writeReport(ctx, w, in, q, first) })
	}}, nil
}

func (s *Server) writeReport(ctx context.Context, w *exportOutput, in *reportAsk, q index.ImportFileQuery, page index.ImportFilePage) (err error) {
	words := reportsIn[in.Lang]
	var sheet exportSheet
	if in.Format == "xlsx" {
		sheet, err = newBookSheet(w, words.sheet, reportColumns, words.heads, s.Location)
	} else {
		sheet, err = newCSVSheet(w, words.heads, s.Location)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sheet.close()) }()
	for {
		for _, file := range page.Files {
			if err := sheet.row(words.row(file, in.Lang == "zh", s.Location)); err != nil {
				return err
			}
		}
		if err := sheet.flush(); err != nil {
			return err
		}
		if page.Next == "" {
			return sheet.finish("")
		}
		q.Cursor = page.Next
		page, err = nextPage(ctx, w, func(ctx context.Context) (index.ImportFilePage, error) { return s.Imports.Files(ctx, q) })
		if err != nil {
			return err
		}
	}
}

func (w reportWords) row(file earshot.ImportFile, chinese bool, zone *time.Location) []any {
	remarks := make([]string, len(file.Remarks))
	for i, code := range file.Remarks {
		remarks[i] = imports.Say(code, chinese)
	}
	why := imports.SayDouble(file.Text, chinese, zone)
	if file.Code != "" {
		why = imports.Say(file.Code, chinese)
	}
	separator := "; "
	if chinese {
		separator = "；"
	}
	var length any = lasted(file.DurationMs)
	if file.DurationMs == 0 {
		length = "" // nobody has heard it
	}
	return []any{file.Path, int(file.Bytes), w.fates[file.Fate], why, strings.Join(remarks, separator),
		length, file.Call, file.SHA256, file.ModifiedAt}
}
