// Package evidence makes evidence packages of recorded calls and checks them.
//
// A package is a ZIP that carries its own proof: the files of the recordings, or
// whole pages of them, the ledger's entries about them, the signed head, and the
// public key. Check needs nothing but the package, and a way to know whose key
// that is. It starts no goroutine.
package evidence
