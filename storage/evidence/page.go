package evidence

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"earshot"
)

//go:embed page.html
var pageText string

// shownCall is a call as the page shows it.
type shownCall struct {
	PackedCall
	Files                   []PackedFile
	Silenced                []Silenced
	Gaps                    []earshot.Gap
	AgentWave, CustomerWave string
	Blocks                  []block
}

// block is a rectangle over the waveform: a gap or a silenced stretch.
type block struct {
	Class, Title        string
	X, Y, Width, Height string
}

// Sizes of the waveform, in the picture's own units.
const (
	waveWidth  = 1000
	waveHeight = 132
	waveHalf   = waveHeight / 2
	waveColumn = 2 // a bar's width and its distance to the next
)

// writePage writes the page that people open first.
func writePage(w io.Writer, m *Manifest, levels map[string]earshot.Levels, zone *time.Location) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"local":    func(t earshot.Time) string { return localTime(t, zone) },
		"clock":    clockText,
		"kept":     func(f PackedFile) int { return count(f.Have) },
		"replaced": func(f PackedFile) int { return count(f.Replaced) },
		"side":     sideText,
		"cause":    causeText,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("read the page's template: %w", err)
	}
	var shown []shownCall
	for _, c := range m.Calls {
		shown = append(shown, show(m, c, levels[c.Call.ID]))
	}
	err = t.Execute(w, struct {
		Manifest *Manifest
		Calls    []shownCall
	}{m, shown})
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func show(m *Manifest, c PackedCall, l earshot.Levels) shownCall {
	s := shownCall{PackedCall: c}
	for _, f := range m.Files {
		if f.Call == c.Call.ID {
			s.Files = append(s.Files, f)
		}
	}
	at := func(ms int64) float64 {
		return waveWidth * float64(min(max(ms, c.FromMs), c.ToMs)-c.FromMs) / float64(max(c.ToMs-c.FromMs, 1))
	}
	for _, g := range c.Call.Gaps {
		if g.EndMs <= c.FromMs || g.StartMs >= c.ToMs {
			continue
		}
		s.Gaps = append(s.Gaps, g)
		y := 0
		if g.Side == earshot.SideCustomer {
			y = waveHalf
		}
		s.Blocks = append(s.Blocks, newBlock("gap", causeText(g.Cause), at(g.StartMs), at(g.EndMs), y, waveHalf))
	}
	for _, q := range m.Silenced {
		if q.Call == c.Call.ID {
			s.Silenced = append(s.Silenced, q)
			l = quiet(l, q.RealMs)
			s.Blocks = append(s.Blocks, newBlock("silenced", q.Reason, at(q.RealMs[0]), at(q.RealMs[1]), 0, waveHeight))
		}
	}
	s.AgentWave = wavePath(l.Agent, c.FromMs, c.ToMs, -1)
	s.CustomerWave = wavePath(l.Customer, c.FromMs, c.ToMs, 1)
	return s
}

// quiet is l without what a silenced stretch would still give away.
func quiet(l earshot.Levels, ms [2]int64) earshot.Levels {
	blank := func(levels []byte) []byte {
		levels = bytes.Clone(levels)
		for i := ms[0] / earshot.LevelStepMs; i < (ms[1]+earshot.LevelStepMs-1)/earshot.LevelStepMs && i < int64(len(levels)); i++ {
			levels[i] = earshot.LevelGap
		}
		return levels
	}
	l.Agent, l.Customer = blank(l.Agent), blank(l.Customer)
	return l
}

func newBlock(class, title string, from, to float64, y, height int) block {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	return block{class, title, number(from), strconv.Itoa(y), number(max(to-from, 1)), strconv.Itoa(height)}
}

// wavePath draws a side's levels as bars that grow from the middle, upwards (−1)
// or downwards (1).
func wavePath(levels []byte, fromMs, toMs int64, way int) string {
	var path strings.Builder
	first, last := fromMs/earshot.LevelStepMs, (toMs+earshot.LevelStepMs-1)/earshot.LevelStepMs
	columns := int64(waveWidth / waveColumn)
	for i := range columns {
		loudest := byte(earshot.LevelSilence)
		from, to := first+(last-first)*i/columns, first+(last-first)*(i+1)/columns
		for k := from; k < max(to, from+1) && k < int64(len(levels)); k++ {
			loudest = min(loudest, levels[k])
		}
		// −70 dBov and below is nothing to see.
		height := max(0, (70-float64(loudest))/70) * (waveHalf - 4)
		if height < 0.5 {
			continue
		}
		fmt.Fprintf(&path, "M%d %dv%.1fh%dv%.1fz", i*waveColumn, waveHalf, float64(way)*height, waveColumn-1, -float64(way)*height)
	}
	return path.String()
}

// localTime is t as people of the site read it, with its offset.
func localTime(t earshot.Time, zone *time.Location) string {
	if t.IsZero() {
		return "—"
	}
	return t.In(zone).Format("2006-01-02 15:04:05 MST")
}

// clockText is a place on a timeline: m:ss, or h:mm:ss.
func clockText(ms int64) string {
	s := ms / 1000
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func sideText(s earshot.Side) string {
	if s == earshot.SideCustomer {
		return "客户 customer"
	}
	return "坐席 agent"
}

var causeTexts = map[earshot.Cause]string{
	earshot.CauseLost:         "丢包 lost",
	earshot.CauseStalled:      "无声音数据 stalled",
	earshot.CauseDrift:        "时钟补偿 drift",
	earshot.CauseMuted:        "麦克风静音 muted",
	earshot.CausePaused:       "暂停录音 paused",
	earshot.CauseDisconnected: "断线 disconnected",
	earshot.CauseOverflow:     "来不及写入 overflow",
	earshot.CauseRecorderDown: "录音机停机 recorder down",
	earshot.CauseDamaged:      "数据损坏 damaged",
}

func causeText(c earshot.Cause) string {
	if text, ok := causeTexts[c]; ok {
		return text
	}
	return string(c)
}
