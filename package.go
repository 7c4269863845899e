package earshot

// PackageState is how far a package has come.
type PackageState string

// The states of a package.
const (
	PackageMaking PackageState = "making"
	PackageReady  PackageState = "ready"
	PackageFailed PackageState = "failed"
	PackageGone   PackageState = "gone" // its file was taken away; the record stays
)

// Package is evidence that leaves the house: recordings of one or more calls,
// with what proves them.
type Package struct {
	ID       string           `json:"id"` // UUIDv7
	Title    string           `json:"title"`
	Reason   string           `json:"reason"`
	By       string           `json:"by"` // user id
	At       Time             `json:"at" format:"date-time"`
	Language string           `json:"language" enum:"zh,en"` // which its page shows first
	Calls    []PackageCall    `json:"calls"`
	Silence  []PackageSilence `json:"silence"`

	State       PackageState `json:"state" enum:"making,ready,failed,gone"`
	Progress    float64      `json:"progress"` // 0 to 1
	Code        string       `json:"code"`     // why it failed, as problem details say it
	Error       string       `json:"error"`    // the same in English
	File        string       `json:"file"`     // the name to save it under
	Bytes       int64        `json:"bytes"`
	SHA256      string       `json:"sha256"` // of the file, hex
	Encrypted   bool         `json:"encrypted"`
	Fingerprint string       `json:"fingerprint"`                  // of the key that proves it
	ExpiresAt   Time         `json:"expiresAt" format:"date-time"` // when the file is taken away
}

// PackageCall is a call, or what lies between two places of its timeline.
type PackageCall struct {
	Call   string `json:"call"`
	FromMs int64  `json:"fromMs,omitempty" minimum:"0"`
	ToMs   int64  `json:"toMs,omitempty" minimum:"0"` // 0: the call's end
}

// PackageSilence is a stretch of a call with other people's data: every page of
// it is replaced by silence.
type PackageSilence struct {
	Call   string `json:"call"`
	FromMs int64  `json:"fromMs" minimum:"0"`
	ToMs   int64  `json:"toMs" minimum:"0"`
	Reason string `json:"reason" maxLength:"2000"`
}

// Bounds of a package.
const (
	MostPackageCalls   = 100
	MostPackageSilence = 500
	longestTimelineMs  = 48 * 3600 * 1000 // no call is longer
)

// Validate says what is wrong with what is asked for, or nil.
func (p Package) Validate() error {
	switch {
	case !validName(p.Title):
		return Fail(Invalid, "bad_title", "a package's title is 1 to 100 characters")
	case !validText(p.Reason, 500):
		return Fail(Invalid, "bad_reason", "a reason is 1 to 500 characters")
	case len(p.Calls) == 0 || len(p.Calls) > MostPackageCalls:
		return Fail(Invalid, "bad_calls", "a package has 1 to %d calls", MostPackageCalls)
	case len(p.Silence) > MostPackageSilence:
		return Fail(Invalid, "bad_silence", "at most %d stretches can be silenced", MostPackageSilence)
	}
	known := map[string]bool{}
	for _, c := range p.Calls {
		switch {
		case !ValidCallID(c.Call):
			return Fail(Invalid, "bad_call", "a call's id is a UUIDv7, not %q", c.Call)
		case known[c.Call]:
			return Fail(Invalid, "call_twice", "call %s is asked for twice", c.Call)
		case c.FromMs < 0 || c.ToMs < 0 || c.ToMs > longestTimelineMs || c.ToMs != 0 && c.ToMs <= c.FromMs:
			return Fail(Invalid, "bad_span", "a span begins in the call and ends after it begins")
		}
		known[c.Call] = true
	}
	for _, s := range p.Silence {
		if !known[s.Call] || s.FromMs < 0 || s.ToMs <= s.FromMs || s.ToMs > longestTimelineMs || s.Reason != "" && !validText(s.Reason, 500) {
			return Fail(Invalid, "bad_silence", "a silenced stretch lies in one of the package's calls and ends after it begins")
		}
	}
	return nil
}
