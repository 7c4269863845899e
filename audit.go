package earshot

// Audit is one row of who did what; rows are only ever added.
type Audit struct {
	ID     string `json:"id"` // UUIDv7
	At     Time   `json:"at" format:"date-time"`
	Who    string `json:"who"`    // a user's id, or seat:ID
	From   string `json:"from"`   // the address they came from
	Action string `json:"action"` // see the Audit… constants
	Target string `json:"target"` // seat, branch or user it was done to, if it was no call
	Call   string `json:"call"`
	FromMs int64  `json:"fromMs"`
	ToMs   int64  `json:"toMs"`
	Reason string `json:"reason"`
}

// What is audited.
const (
	AuditSignIn       = "sign_in"
	AuditSignInFailed = "sign_in_failed"
	AuditSignOut      = "sign_out"
	AuditListen       = "listen"
	AuditPlay         = "play"
	AuditDownload     = "download"
	AuditDenied       = "denied"
	AuditCreate       = "create"
	AuditUpdate       = "update"
	AuditDelete       = "delete"
	AuditToken        = "token"
	AuditMark         = "mark"
	AuditCallStart    = "call_start"
	AuditCallEnd      = "call_end"
	AuditPause        = "pause"
	AuditResume       = "resume"
	AuditExport       = "export"
	AuditExportList   = "export_list" // the list of calls as a file; the reason says which
	AuditUpload       = "upload"      // files for an import
	AuditDiscard      = "discard"     // and one of them was taken away
	AuditImport       = "import"      // an import was started
	AuditImportStop   = "import_stop" // and stopped
	AuditHold         = "hold"
	AuditRelease      = "release"
	AuditScrub        = "scrub"
	AuditResolve      = "resolve"
	AuditAnalyse      = "analyse"      // a run over the archive was started
	AuditAnalyseStop  = "analyse_stop" // and stopped
)
