package monitor

import "earshot"

// callWords are an export's words in one language, those of the dashboard.
type callWords struct {
	sheet      string
	heads      map[string]string // by column
	kinds      map[earshot.SeatKind]string
	directions map[earshot.Direction]string
	states     map[earshot.CallState]string
	flags      map[earshot.Flag]string
	yes, no    string
	more       string // that there are more calls than rows
}

func (w callWords) yesNo(is bool) string {
	if is {
		return w.yes
	}
	return w.no
}

var exportWords = map[string]callWords{
	"zh": {
		sheet: "通话",
		heads: map[string]string{
			"startedAt": "开始", "durationMs": "时长", "seat": "坐席位", "branch": "网点", "agent": "工号", "agentName": "姓名", "kind": "类型",
			"direction": "方向", "number": "号码", "account": "户号", "ticket": "票号", "business": "业务类型", "rating": "评价", "state": "状态",
			"flags": "提示", "tags": "标签", "held": "已冻结", "listened": "播放过", "marks": "标记数", "agentShare": "坐席说话", "customerShare": "客户说话",
			"silenceShare": "静音", "overtalkShare": "抢话", "interruptions": "打断次数", "longestMonologue": "最长独白", "longestSilence": "最长静音",
			"id": "通话编号", "link": "链接",
		},
		kinds:      map[earshot.SeatKind]string{earshot.Counter: "柜台", earshot.Hotline: "热线"},
		directions: map[earshot.Direction]string{earshot.Inbound: "呼入", earshot.Outbound: "呼出", earshot.NoDirection: "无方向"},
		states:     map[earshot.CallState]string{earshot.CallLive: "进行中", earshot.CallStored: "已保存", earshot.CallDeleted: "已删除"},
		flags: map[earshot.Flag]string{
			earshot.FlagSilence: "长时间静音", earshot.FlagOvertalk: "抢话", earshot.FlagLoud: "提高嗓门", earshot.FlagOneSided: "只有一方有声", earshot.FlagGaps: "有缺口",
			earshot.FlagInterrupted: "中断过", earshot.FlagLong: "超长", earshot.FlagShort: "过短", earshot.FlagDamaged: "文件损坏",
		},
		yes: "是", no: "否",
		more: "只导出了最新的 100,000 个通话，更早的没有列出。请缩小时间范围后分次导出。",
	},
	"en": {
		sheet: "Calls",
		heads: map[string]string{
			"startedAt": "Started", "durationMs": "Length", "seat": "Seat", "branch": "Branch", "agent": "Agent ID", "agentName": "Agent", "kind": "Kind",
			"direction": "Direction", "number": "Number", "account": "Account", "ticket": "Ticket", "business": "Business", "rating": "Rating", "state": "State",
			"flags": "Flags", "tags": "Tags", "held": "On hold", "listened": "Played", "marks": "Marks", "agentShare": "Agent talks", "customerShare": "Customer talks",
			"silenceShare": "Silence", "overtalkShare": "Overtalk", "interruptions": "Interruptions", "longestMonologue": "Longest monologue", "longestSilence": "Longest silence",
			"id": "Call ID", "link": "Link",
		},
		kinds:      map[earshot.SeatKind]string{earshot.Counter: "Counter", earshot.Hotline: "Hotline"},
		directions: map[earshot.Direction]string{earshot.Inbound: "Inbound", earshot.Outbound: "Outbound", earshot.NoDirection: "No direction"},
		states:     map[earshot.CallState]string{earshot.CallLive: "Live", earshot.CallStored: "Stored", earshot.CallDeleted: "Deleted"},
		flags: map[earshot.Flag]string{
			earshot.FlagSilence: "Long silence", earshot.FlagOvertalk: "Overtalk", earshot.FlagLoud: "Raised voice", earshot.FlagOneSided: "One side only", earshot.FlagGaps: "Gaps",
			earshot.FlagInterrupted: "Interrupted", earshot.FlagLong: "Very long", earshot.FlagShort: "Very short", earshot.FlagDamaged: "Damaged file",
		},
		yes: "yes", no: "no",
		more: "Only the newest 100,000 calls are listed; there are older ones. Narrow the time and export in several goes.",
	},
}
