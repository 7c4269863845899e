package levels

// StepsOf are steps that were gathered before, to be gone on with. They belong to
// the Steps then.
func StepsOf(steps []byte) Steps { return Steps{steps} }
