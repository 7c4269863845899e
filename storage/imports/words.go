package imports

import (
	"path"
	"strings"
	"time"

	"earshot"
	"earshot/audio/probe"
)

// words are what a code says to people, in Chinese and in English.
type words struct{ chinese, english string }

// Codes of files that are refused, beside those of probe, of Folders, and of
// earshot.ErrStartUnknown and earshot.ErrStartInFuture.
const (
	CodeSeatMissing   = "seat_missing"   // nothing names a seat
	CodeSeatUnknown   = "seat_unknown"   // what is named is none
	CodeDeletedBefore = "deleted_before" // the call that it was has been deleted
)

// NamedTable says whether a path is called as tables are.
func NamedTable(name string) bool { return strings.EqualFold(path.Ext(name), ".csv") }

// Say is what a code says to people, a fate's or a remark's; of an unknown one the
// code itself.
func Say(code string, chinese bool) string {
	w, ok := said[code]
	if !ok {
		if text, known := probe.Say(code, chinese); known {
			return text
		}
		return code
	}
	if chinese {
		return w.chinese
	}
	return w.english
}

// Codes are all codes of this package, those of its refusals and of its remarks.
func Codes() []string {
	all := make([]string, 0, len(said))
	for code := range said {
		all = append(all, code)
	}
	return all
}

var said = map[string]words{
	CodeLink:               {"符号链接不跟随", "a symbolic link is not followed"},
	CodeNotAFile:           {"不是普通文件", "it is no plain file"},
	earshot.CodeHiddenFile: {"系统或隐藏文件", "a hidden file, or one that systems leave"},
	CodeUnreadable:         {"无法读取：没有权限，或磁盘出错", "it cannot be read: it is not allowed, or the disk fails"},
	CodeLongPath:           {"路径过长", "its path is too long to be kept"},
	CodeChanged:            {"读取期间文件被改动或移走", "it was changed, or went, while it was read"},
	CodeSeatMissing:        {"没有座席：文件名、表格、标签都没有给出，也没有指定默认座席", "nothing names a seat: neither name nor table nor tags, and there is no default"},
	CodeSeatUnknown:        {"没有这个座席，或有几个同名的座席", "there is no such seat, or there are several of that name"},
	earshot.CodeIsTable:    {"是表格（CSV），不是录音", "a table (CSV), no recording"},
	CodeDeletedBefore:      {"这段录音曾经导入，并已按保存期限删除", "this recording was brought in before, and deleted as retention ordered"},

	"start_unknown":   {"无法得知通话何时开始，且不采用文件自身的时间", "nothing tells when the call began, and the file's own time is not to be taken"},
	"start_in_future": {"按规则读出的开始时间在将来：请检查命名规则", "it is said to have begun in the future: is the pattern right?"},

	earshot.RemarkStartUnknown:     {"开始时间未知，采用文件修改时间", "when it began is unknown: the file's own time was taken"},
	earshot.RemarkTimeUnknown:      {"只知道日期，不知道时刻", "the day is known, the time of day is not"},
	earshot.RemarkNameRecoded:      {"文件名不是 UTF-8，按 GB18030 读取", "its name is no UTF-8, and was read as GB18030"},
	earshot.RemarkNoRow:            {"表格里没有对应的行", "the table has no row for it"},
	earshot.RemarkTextCut:          {"某项信息过长，已截断", "a fact was too long, and was cut"},
	earshot.RemarkRetentionDue:     {"已超过保存期限，下次清理时会被删除", "it is past its retention: the next run deletes it"},
	earshot.RemarkDirectionUnknown: {"呼叫方向无法识别", "what stands for the direction is not known"},
	earshot.RemarkUnmatched:        {"命名规则不适用于这个路径", "the pattern does not fit its path"},
	earshot.RemarkFactsTaken:       {"通话缺少的信息取自这个文件", "what its call lacked was taken from it"},
	earshot.RemarkFactsNotTaken:    {"这个文件另有说法，通话的信息不变", "it tells other things, and its call keeps what it has"},
	earshot.RemarkSeatReplaced:     {"没有所写的座席，已归入默认座席", "there is no such seat: it went to the default one"},
}

// facts are what people call what a file can tell.
var facts = map[string]words{
	"startedAt": {"开始时间", "start"}, "seat": {"座席", "seat"}, "agent": {"工号", "agent"}, "direction": {"方向", "direction"},
	"number": {"号码", "number"}, "account": {"户号", "account"}, "ticket": {"工单", "ticket"}, "business": {"业务类型", "business type"},
}

// SayDouble is what a duplicate tells besides, as its text has it, for people:
// "号码 139…（已取用）"; times are those of zone. Empty where there is nothing.
func SayDouble(text string, chinese bool, zone *time.Location) string {
	var parts []string
	for _, s := range earshot.ParseDoubleText(text) {
		fact, value := facts[s.Fact].english, s.Value
		if at, err := time.Parse(time.RFC3339, value); err == nil && s.Fact == "startedAt" {
			value = at.In(zone).Format(time.DateTime)
		}
		taken := map[bool]string{true: " (taken)", false: " (not taken)"}[s.Taken]
		if chinese {
			fact, taken = facts[s.Fact].chinese, map[bool]string{true: "（已取用）", false: "（未取用）"}[s.Taken]
		}
		parts = append(parts, fact+" "+value+taken)
	}
	if chinese {
		return strings.Join(parts, "；")
	}
	return strings.Join(parts, "; ")
}
