package earshot

// Talk is how a conversation went, told from its levels alone. Shares are per
// mille of the time in which there was audio.
type Talk struct {
	AgentShare        int   `json:"agentShare"`        // the agent talks; of one mixed channel: somebody does
	CustomerShare     int   `json:"customerShare"`     // the customer talks
	SilenceShare      int   `json:"silenceShare"`      // nobody does
	OvertalkShare     int   `json:"overtalkShare"`     // both do
	Interruptions     int   `json:"interruptions"`     // how often one side began while the other went on
	LongestMonologue  int64 `json:"longestMonologue"`  // ms that one side talked at a stretch
	LongestMonologist Side  `json:"longestMonologist"` // who; empty where there are no sides
	LongestSilence    int64 `json:"longestSilence"`    // ms in which nobody talked, at a stretch

	Judged string `json:"judged"` // by which thresholds: their Fingerprint
}
