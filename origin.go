package earshot

// Origin is where a call comes from that was not recorded here but brought in
// from an older recorder. Its part's file is the original, byte for byte.
type Origin struct {
	Batch string `json:"batch"` // the import that brought it in
	Path  string `json:"path"`  // where the file lay, with slashes, relative to what was brought in
	At    Time   `json:"at" format:"date-time"`
	By    string `json:"by"` // a user's id, or cli
	// What is not as one would expect of it, as codes: started_at_unknown (the
	// file's own time was taken), no_waveform, damaged, torn, garbage, and so on.
	Remarks []string `json:"remarks"`
}
