package storage

// SetImportStep has step called after each step of a run that a crash can follow.
func SetImportStep(s *Imports, step func(string) error) { s.step = step }
