package earshot

import "strings"

// ImportField is something that a name, a table or a tag can tell of a call.
type ImportField string

// The fields.
const (
	FieldAny       ImportField = "any"   // anything, which is not looked at
	FieldFile      ImportField = "file"  // of a table: which file a row is about
	FieldStart     ImportField = "start" // day and time of day
	FieldDate      ImportField = "date"
	FieldTime      ImportField = "time" // of day
	FieldSeat      ImportField = "seat" // its id or its name
	FieldAgent     ImportField = "agent"
	FieldName      ImportField = "name" // the agent's
	FieldNumber    ImportField = "number"
	FieldCaller    ImportField = "caller"
	FieldCallee    ImportField = "callee"
	FieldDirection ImportField = "direction"
	FieldAccount   ImportField = "account"
	FieldTicket    ImportField = "ticket"
	FieldBusiness  ImportField = "business"
)

// fieldNames are what people call the fields, as nameKey writes it.
var fieldNames = map[ImportField][]string{
	FieldAny:       {"any", "*", "任意", "忽略", "skip"},
	FieldFile:      {"file", "filename", "filepath", "path", "recording", "recordfile", "recordingfile", "wav", "mp3", "文件", "文件名", "文件名称", "文件路径", "录音", "录音文件", "录音文件名", "录音名", "录音名称", "录音路径", "音频文件"},
	FieldStart:     {"start", "starttime", "startedat", "begin", "begintime", "datetime", "calltime", "recordtime", "timestamp", "开始", "开始时间", "起始时间", "通话时间", "通话开始时间", "录音时间", "录音开始时间", "呼叫时间", "来电时间", "日期时间", "开始日期时间"},
	FieldDate:      {"date", "day", "startdate", "calldate", "日期", "通话日期", "录音日期", "开始日期", "呼叫日期"},
	FieldTime:      {"time", "clock", "timeofday", "时刻", "时间"},
	FieldSeat:      {"seat", "seatid", "station", "extension", "ext", "window", "counter", "channel", "line", "坐席", "座席", "席位", "坐席号", "座席号", "席位号", "坐席编号", "座席编号", "分机", "分机号", "坐席位", "窗口", "窗口号", "柜台", "柜台号", "通道", "通道号", "线路"},
	FieldAgent:     {"agent", "agentid", "agentno", "staff", "staffid", "staffno", "employee", "employeeid", "workno", "jobnumber", "工号", "坐席工号", "座席工号", "员工号", "员工编号", "话务员", "话务员工号", "人员工号"},
	FieldName:      {"name", "agentname", "staffname", "employeename", "姓名", "坐席姓名", "座席姓名", "员工姓名", "话务员姓名", "名字", "人员姓名", "客服姓名"},
	FieldNumber:    {"number", "phone", "phonenumber", "tel", "telephone", "mobile", "customernumber", "customerphone", "号码", "电话", "电话号码", "客户号码", "客户电话", "对方号码", "手机", "手机号", "手机号码", "联系电话", "用户号码"},
	FieldCaller:    {"caller", "callerid", "callerno", "callernumber", "calling", "callingnumber", "ani", "from", "src", "主叫", "主叫号", "主叫号码"},
	FieldCallee:    {"callee", "calleeid", "calleeno", "calleenumber", "called", "callednumber", "dnis", "to", "dst", "被叫", "被叫号", "被叫号码"},
	FieldDirection: {"direction", "dir", "inout", "calltype", "方向", "呼叫方向", "通话方向", "呼叫类型", "通话类型", "呼入呼出", "来去电"},
	FieldAccount:   {"account", "accountno", "accountnumber", "accountid", "customerno", "customerid", "户号", "用户号", "用户编号", "客户号", "客户编号", "户名编号", "缴费号"},
	FieldTicket:    {"ticket", "ticketno", "ticketid", "order", "orderno", "workorder", "caseno", "工单", "工单号", "工单编号", "票号", "受理单号", "流水号", "受理编号", "单号"},
	FieldBusiness:  {"business", "businesstype", "service", "servicetype", "topic", "subject", "业务", "业务类型", "业务类别", "服务类型", "受理类型", "业务种类"},
}

var fieldByName = func() map[string]ImportField {
	all := map[string]ImportField{}
	for field, names := range fieldNames {
		for _, name := range names {
			all[name] = field
		}
	}
	return all
}()

// ImportFieldOf is the field that people call so, in Chinese or English; empty
// where nobody does.
func ImportFieldOf(name string) ImportField { return fieldByName[nameKey(name)] }

// nameKey is a name without what people write differently: case, spaces, dashes,
// and what stands in brackets behind it.
func nameKey(name string) string {
	if i := strings.IndexAny(name, "(（[【"); i > 0 {
		name = name[:i]
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\u3000_-.·:：\"'\ufeff", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// directionWords are what stands for a direction where nobody says otherwise.
var directionWords = map[string]Direction{
	"in": Inbound, "i": Inbound, "1": Inbound, "inbound": Inbound, "incoming": Inbound, "inc": Inbound, "callin": Inbound,
	"呼入": Inbound, "来电": Inbound, "入": Inbound, "打入": Inbound, "接听": Inbound, "入呼": Inbound, "呼入电话": Inbound,
	"out": Outbound, "o": Outbound, "0": Outbound, "outbound": Outbound, "outgoing": Outbound, "outg": Outbound, "callout": Outbound,
	"呼出": Outbound, "去电": Outbound, "出": Outbound, "打出": Outbound, "外呼": Outbound, "拨出": Outbound, "出呼": Outbound, "呼出电话": Outbound,
	"none": NoDirection, "无": NoDirection, "现场": NoDirection, "柜台": NoDirection,
}

// ImportDirectionOf is the direction that a word stands for. 1 is inbound and 0 is
// outbound; where an older recorder means it otherwise the pattern says so.
func ImportDirectionOf(word string) (Direction, bool) {
	d, known := directionWords[nameKey(word)]
	return d, known
}
