package earshot

import "unicode/utf8"

// SavedSearch is a search of the archive that somebody keeps under a name.
type SavedSearch struct {
	ID     string `json:"id"` // UUIDv7
	Name   string `json:"name"`
	Query  string `json:"query"`                 // what stands behind ? in the archive page's address; relative days stay relative
	Shared bool   `json:"shared"`                // seen by all who may search, not by its maker alone
	By     string `json:"by"`                    // a user's id
	At     Time   `json:"at" format:"date-time"` // when it was last changed
}

// Bounds of a saved search.
const (
	MostSearchName  = 40   // characters
	MostSearchQuery = 2000 // bytes
)

// Validate says what is wrong with s, or nil. What the query asks for is known
// where searches are made, not here.
func (s SavedSearch) Validate() error {
	if !validName(s.Name) || utf8.RuneCountInString(s.Name) > MostSearchName {
		return Fail(Invalid, "bad_search_name", "a search's name has 1 to %d characters", MostSearchName)
	}
	if len(s.Query) > MostSearchQuery || !utf8.ValidString(s.Query) {
		return Fail(Invalid, "bad_search", "a search has at most %d bytes", MostSearchQuery)
	}
	return nil
}
