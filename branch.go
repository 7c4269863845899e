package earshot

// Branch is a business hall or a hotline team, in a tree; the unit of
// permission and of reports.
type Branch struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Parent string `json:"parent"` // empty at the root
}

// Validate says what is wrong with b, or nil.
func (b Branch) Validate() error {
	switch {
	case !ValidID(b.ID):
		return Fail(Invalid, "bad_id", "a branch id is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
	case !validName(b.Name):
		return Fail(Invalid, "bad_name", "a name is 1 to 100 characters")
	case b.Parent != "" && !ValidID(b.Parent), b.Parent == b.ID:
		return Fail(Invalid, "bad_parent", "the parent must be another branch")
	}
	return nil
}

// validName says whether name is fit to be shown: 1 to 100 runes, no control
// characters.
func validName(name string) bool {
	n := 0
	for _, r := range name {
		if r < 0x20 || r == 0x7f {
			return false
		}
		n++
	}
	return n > 0 && n <= 100
}

// validText says whether text is 1 to most characters, none of them a control.
func validText(text string, most int) bool {
	n := 0
	for _, r := range text {
		if r < 0x20 && r != '\n' || r == 0x7f {
			return false
		}
		n++
	}
	return n > 0 && n <= most
}
