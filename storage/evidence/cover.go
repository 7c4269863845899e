package evidence

import (
	"fmt"
	"io"
	"time"

	"github.com/signintech/gopdf"
)

// sheet draws the cover sheet, top to bottom, page after page.
type sheet struct {
	pdf  gopdf.GoPdf
	y    float64
	zone *time.Location
}

// Measures of an A4 page, in points.
const (
	sheetLeft   = 48.0
	sheetRight  = 595.0 - 48
	sheetTop    = 48.0
	sheetBottom = 842.0 - 56
)

// Cover writes the sheet that is printed and signed: which calls, when, how
// long, their hashes, and the key's fingerprint. font is a TrueType font with
// Chinese and Latin letters; zipSHA256 is the hash of the package's file.
func Cover(w io.Writer, m *Manifest, zipSHA256 string, font []byte, zone *time.Location) error {
	s := &sheet{zone: zone, y: sheetTop}
	s.pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	if err := s.pdf.AddTTFFontData("sans", font); err != nil {
		return fmt.Errorf("cover sheet: %w", err)
	}
	s.pdf.AddPage()
	if err := s.draw(m, zipSHA256); err != nil {
		return fmt.Errorf("cover sheet: %w", err)
	}
	if _, err := s.pdf.WriteTo(w); err != nil {
		return fmt.Errorf("cover sheet: %w", err)
	}
	return nil
}

func (s *sheet) draw(m *Manifest, zipSHA256 string) error {
	steps := []func() error{
		func() error { return s.text(20, 0, "录音证据封面 · Cover sheet of recorded evidence") },
		func() error { return s.text(13, 0, m.Title) },
		func() error { return s.rule() },
		func() error { return s.pair("制作单位 Site", m.Site) },
		func() error { return s.pair("制作人 Made by", m.By) },
		func() error { return s.pair("制作时间 Made at", localTime(m.At, s.zone)) },
		func() error { return s.pair("事由 Reason", m.Reason) },
		func() error { return s.pair("证据包编号 Package", m.ID) },
		func() error { return s.pair("证据包文件 SHA-256 of its file", zipSHA256) },
		func() error { return s.rule() },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	for i, c := range m.Calls {
		if err := s.call(i+1, c, m.Files); err != nil {
			return err
		}
	}
	return s.ending(m)
}

func (s *sheet) call(n int, c PackedCall, files []PackedFile) error {
	who := c.Call.Seat
	if c.Call.Agent != nil {
		who += " · " + c.Call.Agent.Name + " " + c.Call.Agent.ID
	}
	if err := s.text(11, 0, fmt.Sprintf("%d. %s · %s", n, localTime(c.Call.StartedAt, s.zone), who)); err != nil {
		return err
	}
	span := clockText(c.Call.DurationMs)
	if !c.Whole {
		span += fmt.Sprintf("（节选 excerpt %s–%s）", clockText(c.FromMs), clockText(c.ToMs))
	}
	lines := []string{"通话 Call " + c.Call.ID, "时长 Length " + span}
	for _, f := range files {
		if f.Call != c.Call.ID {
			continue
		}
		lines = append(lines, fmt.Sprintf("录音 %d · Part %d · SHA-256", f.Part, f.Part), f.SHA256)
		if n := count(f.Replaced); n > 0 {
			lines = append(lines, fmt.Sprintf("其中 %d 页已静音 · %d pages silenced", n, n))
		}
	}
	for _, line := range lines {
		if err := s.text(9, 16, line); err != nil {
			return err
		}
	}
	s.y += 6
	return nil
}

func (s *sheet) ending(m *Manifest) error {
	if err := s.rule(); err != nil {
		return err
	}
	if err := s.pair("账本 Ledger", fmt.Sprintf("%d 条 records, %s", m.Ledger.Size, localTime(m.Ledger.SignedAt, s.zone))); err != nil {
		return err
	}
	if err := s.pair("树根 Root", m.Ledger.Root); err != nil {
		return err
	}
	if err := s.pair("密钥指纹 Key fingerprint", m.Ledger.Fingerprint); err != nil {
		return err
	}
	for _, line := range []string{
		"核对时，请将本页的密钥指纹与证据包中的逐字比较：指纹只有经另一途径取得时才说明录音出自本单位。",
		"Compare this fingerprint with the package's, letter by letter: it tells whose recordings",
		"these are only when it came another way than the package.",
	} {
		if err := s.text(9, 0, line); err != nil {
			return err
		}
	}
	s.y += 28
	if err := s.room(60); err != nil {
		return err
	}
	return s.text(11, 0, "签字 Signature ________________   盖章 Seal ________________   日期 Date ____________")
}

// pair writes a label and what it says.
func (s *sheet) pair(label, value string) error {
	if value == "" {
		value = "—"
	}
	if err := s.room(30); err != nil {
		return err
	}
	if err := s.at(9, sheetLeft, label); err != nil {
		return err
	}
	return s.wrapped(9, sheetLeft+150, value)
}

func (s *sheet) text(size int, indent float64, text string) error {
	return s.wrapped(size, sheetLeft+indent, text)
}

// wrapped writes text at x, in as many lines as it needs.
func (s *sheet) wrapped(size int, x float64, text string) error {
	if err := s.pdf.SetFont("sans", "", size); err != nil {
		return err
	}
	lines, err := s.pdf.SplitText(text, sheetRight-x)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := s.room(float64(size) * 1.6); err != nil {
			return err
		}
		if err := s.at(size, x, line); err != nil {
			return err
		}
		s.y += float64(size) * 1.6
	}
	return nil
}

func (s *sheet) at(size int, x float64, text string) error {
	if err := s.pdf.SetFont("sans", "", size); err != nil {
		return err
	}
	s.pdf.SetXY(x, s.y)
	return s.pdf.Cell(nil, text)
}

func (s *sheet) rule() error {
	s.y += 6
	if err := s.room(12); err != nil {
		return err
	}
	s.pdf.SetLineWidth(0.5)
	s.pdf.Line(sheetLeft, s.y, sheetRight, s.y)
	s.y += 10
	return nil
}

// room begins a new page where less than height is left on this one.
func (s *sheet) room(height float64) error {
	if s.y+height > sheetBottom {
		s.pdf.AddPage()
		s.y = sheetTop
	}
	return nil
}
