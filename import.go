package earshot

import (
	"time"
	"unicode/utf8"
)

// Import is one batch of files from older recorders that is brought in (导入).
type Import struct {
	ID       string         `json:"id"` // UUIDv7
	Name     string         `json:"name"`
	By       string         `json:"by"` // a user's id, or cli
	At       Time           `json:"at" format:"date-time"`
	State    ImportState    `json:"state" enum:"draft,running,stopped,done"`
	Settings ImportSettings `json:"settings"`

	Files     int   `json:"files"`
	Bytes     int64 `json:"bytes"`
	Done      int   `json:"done"` // files that have a fate
	Stored    int   `json:"stored"`
	Duplicate int   `json:"duplicate"`
	Refused   int   `json:"refused"`
	Other     int   `json:"other"`    // of the refused ones those that nobody takes for recordings
	Remarked  int   `json:"remarked"` // stored ones with remarks
	AudioMs   int64 `json:"audioMs"`  // of the stored ones

	StartedAt Time   `json:"startedAt" format:"date-time"` // when it last began to run; null before
	EndedAt   Time   `json:"endedAt" format:"date-time"`   // null while it runs, and before
	Error     string `json:"error"`                        // the code of what stopped it; empty where nobody but people did
}

// ImportState is how far an import has come.
type ImportState string

// The states of an import.
const (
	ImportDraft   ImportState = "draft"   // files are being gathered, the pattern tried
	ImportRunning ImportState = "running" // files are taken in
	ImportStopped ImportState = "stopped" // somebody or something stopped it; it can go on
	ImportDone    ImportState = "done"    // every file has its fate
)

// ImportSettings say where a batch's facts come from. What a file's name, its
// tags and the table do not tell is taken from here.
type ImportSettings struct {
	Pattern   string    `json:"pattern" maxLength:"500"` // of paths, see ParseImportPattern; empty: names tell nothing
	Seat      string    `json:"seat" maxLength:"64"`     // of files that name none, or one that is not known; empty: those are refused
	Branch    string    `json:"branch" maxLength:"64"`   // of all calls; empty: their seat's
	Kind      SeatKind  `json:"kind" enum:",counter,hotline"`
	Direction Direction `json:"direction" enum:",inbound,outbound,none"` // of files that tell none
	Track     TrackKind `json:"track" enum:",both,mixed,agent,customer"` // empty: two channels are both, one is mixed
	Swap      bool      `json:"swap"`                                    // of two channels the left is the customer
	Timezone  string    `json:"timezone" maxLength:"64"`                 // of times in names and tables; empty: the server's
	Charset   string    `json:"charset" enum:",auto,utf-8,gb18030"`      // of the table, of tags, and of names that are no UTF-8
	Metadata  string    `json:"metadata" maxLength:"1024"`               // path of the table (CSV) among the files; empty: none

	RefuseUnknownStart bool `json:"refuseUnknownStart"` // instead of taking the file's own time
	RefuseUnknownSeat  bool `json:"refuseUnknownSeat"`  // instead of taking Seat for a seat that is not known
}

// How text in tables, tags and names is coded.
const (
	CharsetAuto    = "auto"
	CharsetUTF8    = "utf-8"
	CharsetGB18030 = "gb18030"

	CharsetUTF16 = "utf-16" // a table says so itself; nobody chooses it
)

// Validate says what is wrong with s, or nil. Whether seat and branch exist is
// the index's to say.
func (s ImportSettings) Validate() error {
	if s.Pattern != "" {
		if _, err := ParseImportPattern(s.Pattern); err != nil {
			return err
		}
	}
	switch {
	case s.Seat != "" && !ValidID(s.Seat):
		return Fail(Invalid, "bad_seat", "a seat id is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
	case s.Branch != "" && !ValidID(s.Branch):
		return Fail(Invalid, "bad_branch", "that is no branch")
	case s.Kind != "" && s.Kind != Counter && s.Kind != Hotline:
		return Fail(Invalid, "bad_kind", "a kind is counter or hotline")
	case s.Direction != "" && s.Direction != Inbound && s.Direction != Outbound && s.Direction != NoDirection:
		return Fail(Invalid, "bad_direction", "a direction is inbound, outbound or none")
	case s.Track != "" && s.Track != TrackBoth && s.Track != TrackMixed && s.Track != TrackAgent && s.Track != TrackCustomer:
		return Fail(Invalid, "bad_track", "a file holds both sides, mixed, the agent or the customer")
	case s.Charset != "" && s.Charset != CharsetAuto && s.Charset != CharsetUTF8 && s.Charset != CharsetGB18030:
		return Fail(Invalid, "bad_charset", "a charset is auto, utf-8 or gb18030")
	case len(s.Metadata) > maxImportPath || !utf8.ValidString(s.Metadata):
		return Fail(Invalid, "bad_path", "a path is at most %d bytes of text", maxImportPath)
	}
	_, err := s.Location(time.UTC)
	return err
}

// Location is the time zone of the settings, fallback where they name none;
// `bad_timezone`.
func (s ImportSettings) Location(fallback *time.Location) (*time.Location, error) {
	if s.Timezone == "" {
		return fallback, nil
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil || s.Timezone == "Local" {
		return nil, Fail(Invalid, "bad_timezone", "there is no time zone %q", s.Timezone)
	}
	return zone, nil
}

// maxImportPath is how long a file's path may be, in bytes.
const maxImportPath = 4096

// ImportFate is what became of a file.
type ImportFate string

// The fates of files.
const (
	FateStored    ImportFate = "stored"    // it is a call now
	FateDuplicate ImportFate = "duplicate" // its bytes are a call already
	FateRefused   ImportFate = "refused"   // it is no call; code and text say why
	FateWaiting   ImportFate = "waiting"   // its turn has not come
)

// ImportFile is one file of an import and its fate.
type ImportFile struct {
	Path       string     `json:"path"` // with slashes, relative to what is brought in
	Bytes      int64      `json:"bytes"`
	Fate       ImportFate `json:"fate" enum:"stored,duplicate,refused,waiting"`
	Call       string     `json:"call"` // of stored ones, and which call a duplicate is; else empty
	Code       string     `json:"code"` // why it was refused; empty otherwise
	Text       string     `json:"text"` // the same for people, in English; of a duplicate what it tells besides: see DoubleText
	Remarks    []string   `json:"remarks"`
	DurationMs int64      `json:"durationMs"`
	SHA256     string     `json:"sha256"` // hex; empty until it was read

	ModifiedAt Time `json:"modifiedAt" format:"date-time"` // the file's own time
}

// Codes of files that nobody takes for recordings, and nobody misses.
const (
	CodeHiddenFile = "hidden_file" // what systems leave in folders
	CodeIsTable    = "is_table"    // a table beside the recordings
)

// Other says whether the file was refused, and nobody takes it for a recording.
func (f ImportFile) Other() bool {
	return f.Fate == FateRefused && (f.Code == CodeHiddenFile || f.Code == CodeIsTable)
}

// ImportReasons count why files of a batch were refused, and what is remarked.
type ImportReasons struct {
	Codes   map[string]int `json:"codes"`   // refused files, by why
	Remarks map[string]int `json:"remarks"` // files, by remark
}

// Remarks on files that were taken in, and on duplicates; those that audio brings with it besides
// are the audio packages' own.
const (
	RemarkStartUnknown     = "started_at_unknown" // the file's own time was taken
	RemarkTimeUnknown      = "time_unknown"       // the day is known, the time of day is not
	RemarkSeatReplaced     = "seat_replaced"      // there is no such seat: the settings' was taken
	RemarkNameRecoded      = "name_recoded"       // the name was no UTF-8, and read as GB18030
	RemarkNoRow            = "no_row"             // the table has no row for it
	RemarkTextCut          = "text_cut"           // a fact was longer than can be kept
	RemarkRetentionDue     = "retention_due"      // retention deletes the call as soon as it runs
	RemarkDirectionUnknown = "direction_unknown"  // what stands for the direction is not known
	RemarkUnmatched        = "pattern_unmatched"  // the pattern does not fit the path
	RemarkFactsTaken       = "facts_taken"        // of a duplicate: what its call lacked was taken from it
	RemarkFactsNotTaken    = "facts_not_taken"    // of a duplicate: it tells other things, and its call keeps what it has
)

// ImportFacts are what is known of a file's call before it is heard.
type ImportFacts struct {
	StartedAt Time      `json:"startedAt" format:"date-time"`
	Seat      string    `json:"seat"`
	Agent     Agent     `json:"agent"`
	Number    string    `json:"number"`
	Account   string    `json:"account"`
	Ticket    string    `json:"ticket"`
	Business  string    `json:"business"`
	Direction Direction `json:"direction"`
}

// ImportFrom says where a fact comes from.
type ImportFrom string

// Where facts come from; what is earlier here counts more.
const (
	FromTable    ImportFrom = "csv"
	FromPattern  ImportFrom = "pattern"
	FromTags     ImportFrom = "id3" // or the INFO of a WAVE file
	FromSettings ImportFrom = "settings"
	FromFile     ImportFrom = "file" // its own time
)

// ImportPreview is what settings would make of a batch's files.
type ImportPreview struct {
	Rows      []ImportPreviewRow `json:"rows"` // the first of them
	Matched   int                `json:"matched"`
	Unmatched int                `json:"unmatched"` // of all files

	UnknownStart int `json:"unknownStart"` // files that would be taken with their own time
	Refused      int `json:"refused"`      // files that would be refused for their facts

	Table *ImportTable `json:"csv,omitempty"`
}

// ImportPreviewRow is one file as settings make it.
type ImportPreviewRow struct {
	Path    string                `json:"path"`
	Facts   ImportFacts           `json:"facts"`
	From    map[string]ImportFrom `json:"from"` // by the facts' JSON names
	Remarks []string              `json:"remarks"`
	Code    string                `json:"code"`  // why it would be refused; empty if it would not
	Error   string                `json:"error"` // the same for people, in English
}

// ImportTable is how a batch's table was read.
type ImportTable struct {
	Columns []ImportColumn `json:"columns"`
	Rows    int            `json:"rows"`
	Charset string         `json:"charset"`
	Code    string         `json:"code"`    // why it could not be read
	Error   string         `json:"error"`   // the same in words
	Absent  int            `json:"absent"`  // rows whose file is not there
	Missing int            `json:"missing"` // files without a row
	Samples []string       `json:"samples"` // names of the first absent ones
}

// ImportColumn is a column of a table and the fact it was taken for.
type ImportColumn struct {
	Name string      `json:"name"`
	Fact ImportField `json:"fact"` // empty: it is not used
}

// ValidateName says what is wrong with the batch's name, or nil.
func (m Import) ValidateName() error {
	if !validText(m.Name, 200) {
		return Fail(Invalid, "bad_name", "a name is 1 to 200 characters")
	}
	return nil
}
