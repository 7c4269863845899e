package earshot

// IntegrityProblem is something wrong with what is kept, from when it was found
// until somebody says what became of it.
type IntegrityProblem struct {
	ID         string `json:"id"`
	Code       string `json:"code" doc:"what is wrong: altered, missing, swapped, row_changed, ledger, …"`
	Call       string `json:"call" doc:"empty where it is about none"`
	File       string `json:"file" doc:"below the audio folder, or below the data folder where it is no audio"`
	Text       string `json:"text" doc:"a sentence for people, in English"`
	FoundAt    Time   `json:"foundAt" format:"date-time"`
	ResolvedAt Time   `json:"resolvedAt" format:"date-time" doc:"null while it is open"`
	ResolvedBy string `json:"resolvedBy"`
	Reason     string `json:"reason" doc:"why it counts as resolved"`
}

// DamagedFile is a file that could not be read and was set aside for people.
type DamagedFile struct {
	File  string `json:"file"`
	What  string `json:"what" doc:"a sentence for people, in English"`
	Since Time   `json:"since" format:"date-time"`
}

// ScrubState says how the check of a share of the archive stands.
type ScrubState struct {
	State   string  `json:"state" enum:"idle,running"`
	At      Time    `json:"at" format:"date-time" doc:"when the run began that is under way or was the last; null: there was none"`
	Checked int64   `json:"checked" doc:"files read in it"`
	Bytes   int64   `json:"bytes" doc:"of them"`
	Total   int64   `json:"total" doc:"bytes that the run reads"`
	Share   float64 `json:"share" doc:"of the archive that is read every night, 0 to 1"`
	Next    Time    `json:"next" format:"date-time" doc:"when it runs by itself next"`
}
