package ledger

import "earshot"

// Failures of this package that callers tell apart.
var (
	ErrClosed   = earshot.Fail(earshot.Unavailable, "ledger_closed", "the ledger is closed")
	ErrReadOnly = earshot.Fail(earshot.Conflict, "ledger_read_only", "the ledger is open for reading only")
	ErrLocked   = earshot.Fail(earshot.Conflict, "ledger_locked", "another process writes to the ledger")
	ErrNoLedger = earshot.Fail(earshot.NotFound, "no_ledger", "there is no ledger here")
	ErrNoEntry  = earshot.Fail(earshot.NotFound, "no_entry", "the ledger has no such entry")
	ErrNoHead   = earshot.Fail(earshot.NotFound, "no_head", "no head has been signed that covers this")
	ErrEntry    = earshot.Fail(earshot.Invalid, "bad_entry", "the entry cannot be kept")

	// What does not fit inside the ledger's files.
	ErrDamaged = earshot.Fail(earshot.Unavailable, "ledger_damaged", "an entry of the ledger does not fit its hash")
	ErrCut     = earshot.Fail(earshot.Unavailable, "ledger_cut", "entries are missing at the end of the ledger")
	ErrHead    = earshot.Fail(earshot.Unavailable, "ledger_head", "a signed head does not fit the ledger's entries")
	ErrKey     = earshot.Fail(earshot.Unavailable, "ledger_key", "the ledger's keys do not fit one another")
	ErrNoKey   = earshot.Fail(earshot.Unavailable, "ledger_no_key", "the ledger's private key is missing, or is another's")

	// What a proof or a checkpoint can fail by.
	ErrSignature = earshot.Fail(earshot.Invalid, "bad_signature", "the head is not signed by a known key")
	ErrProof     = earshot.Fail(earshot.Invalid, "bad_proof", "the proof does not hold")
	ErrAlgorithm = earshot.Fail(earshot.Unsupported, "bad_algorithm", "that hash algorithm is not known here")

	ErrCheckpointKey       = earshot.Fail(earshot.Conflict, "checkpoint_key", "the checkpoint is signed by a key this ledger never had")
	ErrCheckpointCut       = earshot.Fail(earshot.Conflict, "checkpoint_cut", "the ledger is shorter than the checkpoint")
	ErrCheckpointRewritten = earshot.Fail(earshot.Conflict, "checkpoint_rewritten", "the ledger's entries are not those of the checkpoint")
)
