package seat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"earshot"
)

// Target is where a seat publishes.
type Target struct {
	// URL is the server's, or that of its /whip/ folder, or the seat's whole
	// WHIP URL.
	URL   string
	Seat  string
	Token string
	// Side is said by a device that has only one; empty otherwise.
	Side earshot.Side
}

// Endpoint is the URL to POST to.
func (t Target) Endpoint() (string, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no URL of a server: it begins with http:// or https://", t.URL)
	}
	switch path := strings.TrimSuffix(u.Path, "/"); {
	case t.Seat == "" && (path == "" || path == "/whip"):
		return "", fmt.Errorf("which seat? %s does not say", t.URL)
	case t.Seat != "" && (path == "" || strings.HasSuffix(path, "/whip")):
		u.Path = strings.TrimSuffix(path, "/whip") + "/whip/" + t.Seat
	}
	if t.Side != "" {
		query := u.Query()
		query.Set("side", string(t.Side))
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}

// Refused is a WHIP server's answer that is no success.
type Refused struct {
	Status int    // of HTTP
	Code   string // the problem's stable code, if it said one
	Detail string // for people
}

// Error says all of it in one line.
func (r *Refused) Error() string {
	s := fmt.Sprintf("the server answered %d %s", r.Status, http.StatusText(r.Status))
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	if r.Code != "" {
		s += " (" + r.Code + ")"
	}
	return s
}

// Final says whether asking again would be in vain: the server understood and
// said no.
func (r *Refused) Final() bool {
	return r.Status >= 400 && r.Status < 500 && r.Status != http.StatusRequestTimeout && r.Status != http.StatusTooManyRequests
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// post offers and answers with the server's answer and the connection's URL.
func (e *Engine) post(ctx context.Context, t Target, offer string) (answer, location string, err error) {
	endpoint, err := t.Endpoint()
	if err != nil {
		return "", "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(offer))
	if err != nil {
		return "", "", fmt.Errorf("prepare the offer: %w", err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	authorize(req, t)
	resp, err := e.http.Do(req)
	if err != nil {
		return "", "", fmt.Errorf("offer: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // everything of use has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", "", fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		return "", "", refusal(resp, body)
	}
	where, err := resp.Location()
	if err != nil {
		return "", "", fmt.Errorf("the server did not say where the connection is: %w", err)
	}
	return string(body), where.String(), nil
}

// remove ends the connection at location.
func (e *Engine) remove(ctx context.Context, t Target, location string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, location, nil)
	if err != nil {
		return fmt.Errorf("end the connection: %w", err)
	}
	authorize(req, t)
	resp, err := e.http.Do(req)
	if err != nil {
		return fmt.Errorf("end the connection: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // everything of use has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("end the connection: %w", err)
	}
	if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusNotFound { // it may have ended by itself
		return refusal(resp, body)
	}
	return nil
}

func authorize(req *http.Request, t Target) {
	if t.Token != "" {
		req.Header.Set("Authorization", "Bearer "+t.Token)
	}
}

// refusal reads problem details, or else takes the text as it is.
func refusal(resp *http.Response, body []byte) *Refused {
	r := &Refused{Status: resp.StatusCode}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && strings.HasSuffix(kind, "json") {
		var problem struct{ Title, Detail, Code string }
		if json.Unmarshal(body, &problem) == nil {
			r.Code, r.Detail = problem.Code, problem.Detail
			if r.Detail == "" {
				r.Detail = problem.Title
			}
			return r
		}
	}
	r.Detail = strings.TrimSpace(string(body[:min(len(body), 200)]))
	return r
}
