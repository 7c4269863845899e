// Package ledger keeps the append-only, signed record of every part that was
// stored, held or deleted: a Merkle log (RFC 6962, section 2.1) whose heads are
// signed with Ed25519 and told to witnesses. docs/ledger.md is the format and
// says what is proved when, and what is not.
//
//	DIR/ledger/entries           a line of JSON for each entry; the writer locks it
//	DIR/ledger/offsets           where each entry ends; made again when it is gone
//	DIR/ledger/hashes            the tree's hashes; made again when they are gone
//	DIR/ledger/heads             signed heads, the newest last
//	DIR/ledger/keys/<key>.pem    public keys, and .key the private one in use
//	DIR/ledger/witness/          what each witness was told and answered
//	DIR/ledger/torn/             what a crash left unfinished, cut off at a start
//
// Entries are durable before their hashes are written, and both before a head
// is. So what a head covers must be there and fit; behind the newest head a torn
// end is what a crash leaves, and is cut.
//
// Goroutines of a Ledger that is not read-only, all ended by Close: one that
// signs heads, and one for each witness.
package ledger
