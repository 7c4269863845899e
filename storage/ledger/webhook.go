package ledger

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"earshot"
)

// wire is a submission as it is posted.
type wire struct {
	Head    string   `json:"head"`    // the signed note
	OldSize int64    `json:"oldSize"` // the size that proof goes on from; 0: no proof
	Proof   [][]byte `json:"proof"`   // hashes in base64
	Keys    []string `json:"keys"`    // the successions of the ledger's keys
}

func wireOf(s Submission) wire {
	w := wire{string(s.Head.Note), s.OldSize, [][]byte{}, s.Keys}
	for _, h := range s.Proof {
		w.Proof = append(w.Proof, h[:])
	}
	return w
}

func (w wire) submission() (Submission, error) {
	head, err := ParseHead([]byte(w.Head))
	if err != nil {
		return Submission{}, err
	}
	s := Submission{Head: head, OldSize: w.OldSize, Keys: w.Keys}
	for _, h := range w.Proof {
		if len(h) != hashBytes {
			return Submission{}, ErrProof.Because(errors.New("a hash of a wrong length"))
		}
		s.Proof = append(s.Proof, [32]byte(h))
	}
	return s, nil
}

// refusal is what a witness that does not take a head answers.
type refusal struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Size   int64  `json:"size,omitempty"` // with code behind: prove from here
}

const codeBehind = "behind"

// Bounds of what is read of a request or an answer, in bytes.
const (
	maxSubmission = 1 << 20
	maxReceipt    = 64 << 10
)

// ServeHTTP takes a submission that a Webhook posts. Who may post is decided by
// who mounts it; RequireToken does for one token.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var posted wire
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, refusal{Code: "post_only", Detail: "heads are posted"})
		return
	}
	body := http.MaxBytesReader(w, req.Body, maxSubmission)
	if err := json.NewDecoder(body).Decode(&posted); err != nil {
		refuse(w, http.StatusBadRequest, refusal{Code: "bad_submission", Detail: "not a submission in JSON"})
		return
	}
	s, err := posted.submission()
	if err != nil {
		refuse(w, http.StatusBadRequest, refusal{Code: earshot.AsError(err).Code, Detail: err.Error()})
		return
	}
	receipt, err := r.Accept(req.Context(), s)
	var behind *BehindError
	var known *earshot.Error
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write(receipt)
	case errors.As(err, &behind):
		refuse(w, http.StatusConflict, refusal{codeBehind, err.Error(), behind.Size})
	case errors.As(err, &known):
		refuse(w, http.StatusConflict, refusal{Code: known.Code, Detail: known.Error()})
	default:
		refuse(w, http.StatusInternalServerError, refusal{Code: "internal", Detail: "the witness could not keep the head"})
	}
}

func refuse(w http.ResponseWriter, status int, why refusal) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	text, err := json.Marshal(why)
	if err == nil {
		w.Write(text)
	}
}

// RequireToken lets only requests pass that carry token as a bearer.
func RequireToken(token string, next http.Handler) http.Handler {
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := []byte(r.Header.Get("Authorization"))
		if token == "" || subtle.ConstantTimeCompare(got, want) != 1 {
			refuse(w, http.StatusUnauthorized, refusal{Code: earshot.ErrBadToken.Code, Detail: earshot.ErrBadToken.Text})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Webhook is a witness that heads are posted to: another earshot, or any server
// that answers 2xx once it has kept the submission.
type Webhook struct {
	ID       string        // the witness's name
	URL      string        //
	Token    string        // bearer; empty: none
	Node     bool          // it is another earshot
	Interval time.Duration // see Witness.Every
	Client   *http.Client  // nil: http.DefaultClient
}

// Name is the witness's name.
func (h *Webhook) Name() string { return h.ID }

// Kind is node or webhook.
func (h *Webhook) Kind() string {
	if h.Node {
		return "node"
	}
	return "webhook"
}

// Every is how often heads are posted at most.
func (h *Webhook) Every() time.Duration { return h.Interval }

// Submit posts a head; the receipt is what was answered.
func (h *Webhook) Submit(ctx context.Context, s Submission) ([]byte, error) {
	body, err := json.Marshal(wireOf(s))
	if err != nil {
		return nil, err
	}
	status, receipt, err := post(ctx, h.Client, h.URL, "application/json", h.Token, body)
	if err != nil {
		return nil, err
	}
	if status/100 == 2 {
		return receipt, nil
	}
	var why refusal
	if json.Unmarshal(receipt, &why) == nil && why.Code == codeBehind {
		return nil, &BehindError{why.Size}
	}
	return nil, fmt.Errorf("witness %s answered %d: %s", h.ID, status, why.Detail)
}

// post sends body and answers the status and at most maxReceipt of the answer.
func post(ctx context.Context, client *http.Client, url, media, token string, body []byte) (int, []byte, error) {
	if client == nil {
		client = http.DefaultClient
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", media)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReceipt+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, nil, err
	}
	if len(answer) > maxReceipt {
		return 0, nil, fmt.Errorf("the answer of %s is longer than a receipt may be", req.URL.Host)
	}
	return resp.StatusCode, answer, nil
}
