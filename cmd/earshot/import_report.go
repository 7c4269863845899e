package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"earshot"
	"earshot/storage/imports"
)

// fatePages reads a page of a batch's files: the first one for an empty cursor, and
// the last one answers an empty next.
type fatePages func(cursor string) (files []earshot.ImportFile, next string, err error)

// each has do done for every file, page by page.
func (read fatePages) each(do func(earshot.ImportFile) error) error {
	for cursor := ""; ; {
		files, next, err := read(cursor)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := do(f); err != nil {
				return err
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// writeImportReport writes every file of a batch with its fate into the file called
// name, as CSV for spreadsheets.
func writeImportReport(name string, pages fatePages) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	if _, err := out.WriteString("\ufeff"); err != nil { // spreadsheets take it for UTF-8 then
		return err
	}
	table := csv.NewWriter(out)
	heads := []string{"文件 file", "结果 fate", "通话 call", "原因 code", "说明", "text", "备注 remarks", "时长 ms", "字节 bytes", "SHA-256"}
	if err := table.Write(heads); err != nil {
		return err
	}
	if err := pages.each(func(f earshot.ImportFile) error { return table.Write(reportRow(f)) }); err != nil {
		return err
	}
	table.Flush()
	return errors.Join(table.Error(), out.Flush())
}

func reportRow(f earshot.ImportFile) []string {
	chinese := ""
	if f.Code != "" {
		chinese = imports.Say(f.Code, true)
	}
	var remarks []string
	for _, r := range f.Remarks {
		remarks = append(remarks, r+" "+imports.Say(r, true))
	}
	return []string{
		earshot.SheetText(f.Path), string(f.Fate), f.Call, f.Code, chinese, earshot.SheetText(f.Text), strings.Join(remarks, "; "),
		strconv.FormatInt(f.DurationMs, 10), strconv.FormatInt(f.Bytes, 10), f.SHA256,
	}
}

// printPreview says what would be known of each file, and where from, with times as
// a clock in the zone shows them.
func printPreview(out io.Writer, p earshot.ImportPreview, zone *time.Location) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, row := range p.Rows {
		fmt.Fprintf(table, "%s\t%s\n", printable(row.Path), printable(strings.Join(factsText(row, zone), "  ")))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "命名规则适用 the pattern fits: %d / %d", p.Matched, p.Matched+p.Unmatched)
	if len(p.Rows) < p.Matched+p.Unmatched {
		fmt.Fprintf(out, "（只列出前 %d 个 the first %d are shown）", len(p.Rows), len(p.Rows))
	}
	fmt.Fprintln(out)
	t := p.Table
	if t == nil {
		return nil
	}
	fmt.Fprintf(out, "表格 table: %d 行 rows, %s, %d 行没有对应文件 rows without a file, %d 个文件没有对应行 files without a row\n", t.Rows, t.Charset, t.Absent, t.Missing)
	for _, c := range t.Columns {
		use := string(c.Fact)
		if use == "" {
			use = "（不用 not used）"
		}
		fmt.Fprintf(out, "  %s → %s\n", printable(c.Name), use)
	}
	for _, name := range t.Samples {
		fmt.Fprintf(out, "  没有文件 no file: %s\n", printable(name))
	}
	if t.Error != "" {
		return fmt.Errorf("--metadata: %s", t.Error)
	}
	return nil
}

// factsText are a file's facts, each with where it comes from.
func factsText(row earshot.ImportPreviewRow, zone *time.Location) (texts []string) {
	f := row.Facts
	values := map[string]string{
		"startedAt": f.StartedAt.In(zone).Format(time.DateTime), "seat": f.Seat, "agent": f.Agent.ID, "agentName": f.Agent.Name, "number": f.Number,
		"account": f.Account, "ticket": f.Ticket, "business": f.Business, "direction": string(f.Direction),
	}
	for _, name := range slices.Sorted(maps.Keys(row.From)) {
		texts = append(texts, fmt.Sprintf("%s=%s(%s)", name, values[name], row.From[name]))
	}
	for _, remark := range row.Remarks {
		texts = append(texts, "! "+imports.Say(remark, true))
	}
	if row.Error != "" {
		texts = append(texts, "✗ "+imports.Say(row.Code, true)+" "+row.Error)
	}
	return texts
}
