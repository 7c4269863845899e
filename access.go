package earshot

import "time"

// Action is something that is allowed or not.
type Action string

// What can be asked for.
const (
	SeeWall    Action = "wall"        // live states and levels
	Listen     Action = "listen"      // live audio of a seat
	SeeCalls   Action = "calls"       // search, facts, levels
	Play       Action = "play"        // a call's audio
	Download   Action = "download"    // a call's audio as a file
	EditCall   Action = "edit"        // a call's facts and tags
	MarkCall   Action = "mark"        // bookmarks and notes
	DriveCalls Action = "drive"       // start, end, pause and resume calls; who sits at a seat
	UseSeat    Action = "seat"        // publish from the seat page
	HoldCalls  Action = "hold"        // holds on calls
	Export     Action = "export"      // evidence packages
	BringIn    Action = "import"      // bring recordings of older recorders in
	ExportList Action = "export_list" // the list of calls as a file
	Inspect    Action = "inspect"     // ledger, damage, what retention will delete
	SeeCapture Action = "capture"     // whether everything was recorded
	Administer Action = "admin"       // branches, seats, users, retention
)

// Actions are all actions there are, in the order people meet them.
var Actions = []Action{SeeWall, Listen, SeeCalls, Play, Download, EditCall, MarkCall, DriveCalls, UseSeat, HoldCalls, Export, BringIn, ExportList, Inspect, SeeCapture, Administer}

var allowed = map[Role][]Action{
	RoleAdmin:      Actions,
	RoleSupervisor: {SeeWall, Listen, SeeCalls, Play, EditCall, MarkCall, DriveCalls, UseSeat, SeeCapture},
	RoleInspector:  {SeeWall, SeeCalls, Play, EditCall, MarkCall, ExportList, SeeCapture},
	RoleEvidence:   {SeeCalls, Play, Download, EditCall, MarkCall, HoldCalls, Export, BringIn, ExportList, Inspect, SeeCapture},
	RoleAgent:      {UseSeat, DriveCalls},
}

// May says whether the role allows the action.
func (r Role) May(a Action) bool {
	for _, act := range allowed[r] {
		if act == a {
			return true
		}
	}
	return false
}

// Allowed lists what the role allows.
func (r Role) Allowed() []Action { return append([]Action{}, allowed[r]...) }

// SeatSaysFor is how long after its end a call's facts may still be given by its
// own seat: a customer rates a conversation when it is over.
const SeatSaysFor = 15 * time.Minute

// SeatMaySay says whether c's own seat may still give facts of it at now.
func (c Call) SeatMaySay(now time.Time) bool {
	return c.State == CallLive || c.State == CallStored && now.Sub(c.EndedAt.Time) <= SeatSaysFor
}
