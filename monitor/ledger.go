package monitor

import (
	"context"
	"encoding/hex"

	"earshot"
	"earshot/storage/ledger"
)

// What the ledger says, for those who check it.

var ledgerRoutes = []Route{
	{ID: "get-ledger", Method: get, Path: "/api/v1/ledger", Need: may(earshot.Inspect), Tag: "ledger",
		Summary: "The ledger's newest signed head, its keys, and what its witnesses have"},
	{ID: "get-ledger-head", Method: get, Path: "/api/v1/ledger/head", Need: may(earshot.Inspect), Tag: "ledger",
		Summary: "The newest head as a signed note: a checkpoint to keep somewhere else"},
	{ID: "get-ledger-key", Method: get, Path: "/api/v1/ledger/key", Need: may(earshot.Inspect), Tag: "ledger",
		Summary: "The public key that signs heads now, PEM"},
	{ID: "get-call-proofs", Method: get, Path: "/api/v1/calls/{id}/proofs", Need: may(earshot.Inspect), About: aboutCall, Tag: "ledger",
		Summary: "Proofs that a call's parts are in the ledger"},
}

type ledgerState struct {
	Size        int64          `json:"size" doc:"of the tree that the newest head is about"`
	Root        string         `json:"root" doc:"hex"`
	SignedAt    earshot.Time   `json:"signedAt" format:"date-time"`
	Fingerprint string         `json:"fingerprint" doc:"of the key in use; a key proves something only to who had this another way"`
	Algorithm   string         `json:"algorithm"`
	Keys        []ledgerKey    `json:"keys" doc:"oldest first"`
	Witnesses   []witnessState `json:"witnesses"`
	Pending     int64          `json:"pending" doc:"stored parts that have no record yet"`
}

type ledgerKey struct {
	Fingerprint string       `json:"fingerprint"`
	Name        string       `json:"name"`
	Since       earshot.Time `json:"since" format:"date-time"`
	Until       earshot.Time `json:"until" format:"date-time" doc:"null while it is in use"`
	Linked      bool         `json:"linked" doc:"the key before it signed for it, or it is the first"`
}

type witnessState struct {
	Name  string       `json:"name"`
	Kind  string       `json:"kind"`
	At    earshot.Time `json:"at" format:"date-time" doc:"when it took its newest head; null: never"`
	Size  int64        `json:"size" doc:"of that head"`
	Error string       `json:"error" doc:"why it did not take the last one offered; empty: it did"`
}

type callProofs struct {
	Parts []partProof `json:"parts"`
}

type partProof struct {
	N     int      `json:"n"`
	Entry int64    `json:"entry" doc:"the number of the part's record"`
	Size  int64    `json:"size" doc:"of the tree that head is about"`
	Head  string   `json:"head" doc:"the signed note"`
	Proof []string `json:"proof" doc:"hashes from the record up to the root, hex"`
}

// plainText is an answer that is no JSON.
type plainText struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

func (s *Server) ledgerOperations(b *book) {
	enter(s, b, "get-ledger", s.getLedger)
	enter(s, b, "get-ledger-head", func(context.Context, *nothing) (*plainText, error) {
		head := s.Ledger.Head()
		if len(head.Note) == 0 {
			return nil, ledger.ErrNoHead
		}
		return &plainText{"text/plain; charset=utf-8", "no-store", head.Note}, nil
	})
	enter(s, b, "get-ledger-key", func(context.Context, *nothing) (*plainText, error) {
		for _, key := range s.Ledger.Keys() {
			if key.Until.IsZero() {
				return &plainText{"application/x-pem-file", "no-store", key.PEM()}, nil
			}
		}
		return nil, ledger.ErrNoKey
	})
	enter(s, b, "get-call-proofs", s.callProofs)
}

func (s *Server) getLedger(ctx context.Context, _ *nothing) (*body[ledgerState], error) {
	head := s.Ledger.Head()
	pending, err := s.Archive.Pending(ctx)
	if err != nil {
		return nil, err
	}
	state := ledgerState{
		Size: head.Size, Root: hex.EncodeToString(head.Root[:]), SignedAt: head.At, Fingerprint: s.Ledger.Fingerprint(),
		Algorithm: string(head.Algorithm), Keys: []ledgerKey{}, Witnesses: []witnessState{}, Pending: pending,
	}
	for _, k := range s.Ledger.Keys() {
		state.Keys = append(state.Keys, ledgerKey{k.Fingerprint, k.Name, k.Since, k.Until, k.Linked})
	}
	for _, w := range s.Ledger.WitnessStates() {
		state.Witnesses = append(state.Witnesses, witnessState{w.Name, w.Kind, w.At, w.Size, w.Error})
	}
	return answerWith(state), nil
}

func (s *Server) callProofs(ctx context.Context, in *ByID) (*body[callProofs], error) {
	proofs, err := s.Archive.Proofs(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	answer := callProofs{Parts: []partProof{}}
	for _, p := range proofs {
		part := partProof{N: p.N, Entry: p.Entry, Size: p.Size, Head: p.Head, Proof: []string{}}
		for _, hash := range p.Path {
			part.Proof = append(part.Proof, hex.EncodeToString(hash[:]))
		}
		answer.Parts = append(answer.Parts, part)
	}
	return answerWith(answer), nil
}
