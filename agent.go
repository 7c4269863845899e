package earshot

// Agent is the person at a seat: 工号 and name, with or without a login.
type Agent struct {
	ID   string `json:"id"` // 工号, as people write it; empty when nobody has said
	Name string `json:"name"`
}

// Validate says what is wrong with a, or nil. The empty agent is nobody, which
// is right for an empty seat. A 工号 may have capitals, so it is not a ValidID.
func (a Agent) Validate() error {
	if a == (Agent{}) {
		return nil
	}
	if !validName(a.ID) || len(a.ID) > 64 {
		return Fail(Invalid, "bad_agent", "a staff number is 1 to 64 characters")
	}
	if a.Name != "" && !validName(a.Name) {
		return Fail(Invalid, "bad_name", "a name is 1 to 100 characters")
	}
	return nil
}
