package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"time"

	"github.com/xuri/excelize/v2"

	"earshot"
)

// workbook is an answer that is an Excel workbook.
type workbook struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

const workbookType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// mostBookRows bounds a workbook: a month of 500 seats has half as many.
const mostBookRows = 31_000

func (s *Server) exportCapture(ctx context.Context, in *struct {
	CaptureFilter
	Language string `query:"language" enum:"zh,en" default:"zh"`
}) (*workbook, error) {
	q, err := s.captureQuery(in.CaptureFilter)
	if err != nil {
		return nil, err
	}
	q.Limit = 1000
	all, err := s.Archive.Capture(ctx, q)
	for next := all.Next; err == nil && next != "" && len(all.Rows) < mostBookRows; {
		var page earshot.Capture
		q.Cursor = next
		page, err = s.Archive.Capture(ctx, q)
		all.Rows, all.Findings, next = append(all.Rows, page.Rows...), append(all.Findings, page.Findings...), page.Next
	}
	if err != nil {
		return nil, err
	}
	book := captureBook{zone: s.Location, words: bookWords[in.Language], seats: map[string]string{}, branches: map[string]string{}}
	if err := s.names(ctx, &book); err != nil {
		return nil, err
	}
	data, err := book.make(all)
	if err != nil {
		return nil, fmt.Errorf("make the workbook: %w", err)
	}
	name := "capture-" + all.From + ".xlsx"
	if all.To != all.From {
		name = "capture-" + all.From + "-" + all.To + ".xlsx"
	}
	return &workbook{Type: workbookType, Body: data,
		Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": name})}, nil
}

// names are what people call branches and seats.
func (s *Server) names(ctx context.Context, book *captureBook) error {
	seats, err := s.Index.Seats(ctx)
	if err != nil {
		return err
	}
	for _, seat := range seats {
		book.seats[seat.ID] = seat.Name
	}
	branches, err := s.Index.Branches(ctx)
	for _, b := range branches {
		book.branches[b.ID] = b.Name
	}
	return err
}

// captureBook writes a verification as a workbook of two sheets.
type captureBook struct {
	zone            *time.Location
	words           captureWords
	seats, branches map[string]string
}

func (b captureBook) make(c earshot.Capture) (_ []byte, err error) {
	file := excelize.NewFile()
	defer func() { err = errors.Join(err, file.Close()) }()
	bold, err := file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, err
	}
	if err := file.SetSheetName("Sheet1", b.words.seats); err != nil {
		return nil, err
	}
	if _, err := file.NewSheet(b.words.findings); err != nil {
		return nil, err
	}
	rows := [][]any{b.total(c)}
	for _, r := range c.Rows {
		rows = append(rows, b.row(r))
	}
	if err := sheet(file, b.words.seats, bold, b.words.rowHead, rows); err != nil {
		return nil, err
	}
	rows = nil
	for _, f := range c.Findings {
		rows = append(rows, b.finding(f))
	}
	if err := sheet(file, b.words.findings, bold, b.words.findingHead, rows); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := file.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// sheet streams a head and rows into a sheet; the head stays in sight.
func sheet(file *excelize.File, name string, bold int, head []string, rows [][]any) error {
	w, err := file.NewStreamWriter(name)
	if err != nil {
		return err
	}
	if err := w.SetColWidth(1, len(head), 16); err != nil {
		return err
	}
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	first := make([]any, len(head))
	for i, word := range head {
		first[i] = excelize.Cell{StyleID: bold, Value: word}
	}
	for i, row := range append([][]any{first}, rows...) {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return err
		}
		for j, value := range row {
			if text, ok := value.(string); ok {
				row[j] = earshot.SheetText(text)
			}
		}
		if err := w.SetRow(cell, row); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (b captureBook) figures(r earshot.CaptureRow) []any {
	return []any{r.Announced, r.Streams, r.Calls, r.Stored, minutes(r.TalkMs), r.Missing, r.Unrecorded, r.Damaged, r.Silent,
		r.OneSided, r.Gaps, r.DeadMic, r.Bleed, r.SoundFail, r.Unended, r.Problems}
}

// minutes with one decimal.
func minutes(ms int64) float64 { return float64(ms/6000) / 10 }

func (b captureBook) total(c earshot.Capture) []any {
	span := c.From
	if c.To != c.From {
		span += " – " + c.To
	}
	return append(append([]any{span, b.words.all, "", b.words.all}, b.figures(c.Totals)...), "", "")
}

func (b captureBook) row(r earshot.CaptureRow) []any {
	check, at := "", ""
	if r.SoundCheck != nil {
		check, at = b.words.results[r.SoundCheck.Result], b.clock(r.SoundCheck.At)
	}
	return append(append([]any{r.Day, b.branches[r.Branch], r.Seat, b.seats[r.Seat]}, b.figures(r)...), check, at)
}

func (b captureBook) finding(f earshot.CaptureFinding) []any {
	ms := func(ms int64) any {
		if ms == 0 {
			return ""
		}
		return float64(ms) / 1000
	}
	detail := f.File
	if f.Result != "" {
		detail = b.words.results[f.Result]
	}
	return []any{b.words.kinds[f.Kind], f.Day, b.clock(f.At), b.branches[f.Branch], f.Seat, b.seats[f.Seat], f.Ref, f.Number, f.Source,
		b.words.sides[f.Side], ms(f.Ms), ms(f.OfMs), detail, f.Call}
}

func (b captureBook) clock(t earshot.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(b.zone).Format("15:04:05")
}

// captureWords are a workbook's words in one language.
type captureWords struct {
	seats, findings, all string
	rowHead, findingHead []string
	kinds                map[earshot.CaptureKind]string
	results              map[earshot.SoundResult]string
	sides                map[earshot.Side]string
}

var bookWords = map[string]captureWords{
	"zh": {
		seats: "坐席汇总", findings: "问题清单", all: "合计",
		rowHead: []string{"日期", "网点", "坐席编号", "坐席", "应录通话", "连接数", "录音通话", "已入库", "通话时长（分钟）", "漏录", "有人说话未录", "文件异常",
			"全程静音", "单侧无声", "缺失超限", "麦克风无声", "两侧串音", "声音检查未过", "未结束", "问题合计", "声音检查", "检查时间"},
		findingHead: []string{"问题", "日期", "时间", "网点", "坐席编号", "坐席", "外部编号", "号码", "来源", "哪一侧", "时长（秒）", "总长（秒）", "说明", "通话编号"},
		kinds: map[earshot.CaptureKind]string{
			earshot.CaptureMissing: "漏录", earshot.CaptureUnrecorded: "有人说话未录", earshot.CaptureDamaged: "文件异常", earshot.CaptureSilent: "全程静音",
			earshot.CaptureOneSided: "单侧无声", earshot.CaptureGaps: "缺失超限", earshot.CaptureDeadMic: "麦克风无声", earshot.CaptureBleed: "两侧串音",
			earshot.CaptureSoundCheck: "声音检查未过", earshot.CaptureUnended: "未结束",
		},
		results: map[earshot.SoundResult]string{earshot.SoundOK: "正常", earshot.SoundSwapped: "两侧接反", earshot.SoundDeadAgent: "坐席侧无声",
			earshot.SoundDeadCustomer: "客户侧无声", earshot.SoundBleeds: "两侧串音"},
		sides: map[earshot.Side]string{earshot.SideAgent: "坐席", earshot.SideCustomer: "客户"},
	},
	"en": {
		seats: "Seats", findings: "Findings", all: "Total",
		rowHead: []string{"Day", "Branch", "Seat ID", "Seat", "Announced", "Streams", "Calls", "Stored", "Talk (minutes)", "Missing", "Talk not recorded", "File problems",
			"Silent", "One side silent", "Gaps over limit", "Dead microphone", "Sides bleed", "Sound check failed", "Not ended", "All problems", "Sound check", "Checked at"},
		findingHead: []string{"Finding", "Day", "Time", "Branch", "Seat ID", "Seat", "Reference", "Number", "Source", "Side", "Length (s)", "Of (s)", "Detail", "Call"},
		kinds: map[earshot.CaptureKind]string{
			earshot.CaptureMissing: "Missing", earshot.CaptureUnrecorded: "Talk not recorded", earshot.CaptureDamaged: "File problem", earshot.CaptureSilent: "Silent",
			earshot.CaptureOneSided: "One side silent", earshot.CaptureGaps: "Gaps over limit", earshot.CaptureDeadMic: "Dead microphone", earshot.CaptureBleed: "Sides bleed",
			earshot.CaptureSoundCheck: "Sound check failed", earshot.CaptureUnended: "Not ended",
		},
		results: map[earshot.SoundResult]string{earshot.SoundOK: "OK", earshot.SoundSwapped: "Sides swapped", earshot.SoundDeadAgent: "Agent's side silent",
			earshot.SoundDeadCustomer: "Customer's side silent", earshot.SoundBleeds: "Sides bleed"},
		sides: map[earshot.Side]string{earshot.SideAgent: "Agent", earshot.SideCustomer: "Customer"},
	},
}
