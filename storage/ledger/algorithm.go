package ledger

import "earshot"

// Algorithm names the hash that a tree is made with, in entries and heads, so
// that another can stand beside it one day (SM3 in particular). Only SHA256 is
// implemented.
type Algorithm string

// SHA256 is the only algorithm there is so far.
const SHA256 Algorithm = "sha256"

// Check fails with ErrAlgorithm where a is not implemented.
func (a Algorithm) Check() error {
	if a == SHA256 {
		return nil
	}
	return earshot.Fail(ErrAlgorithm.Kind, ErrAlgorithm.Code, "the hash algorithm %q is not known here", string(a))
}
