package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// errExists is the API's answer that there is already one of that id.
var errExists = errors.New("it exists")

// apiClient asks a server's API in somebody's name.
type apiClient struct {
	base, token string
	http        *http.Client
}

// httpClient is a client with a timeout; insecure takes any certificate.
func httpClient(insecure bool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// post sends body as JSON and reads the answer into into, unless that is nil.
func (c apiClient) post(ctx context.Context, path string, body, into any) error {
	return c.call(ctx, http.MethodPost, path, body, into)
}

// call is post by another method.
func (c apiClient) call(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base, "/")+path, sent)
	if err != nil {
		return err
	}
	if c.token != "" { // signing in needs none
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it is read to its end
	data, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return problemOf(path, answer.StatusCode, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// problemOf is the error that a refusing answer (RFC 9457) speaks of.
func problemOf(path string, status int, data []byte) error {
	var problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(data, &problem) != nil || problem.Detail == "" {
		problem.Detail = http.StatusText(status)
	}
	if problem.Code == "exists" {
		return errExists
	}
	return fmt.Errorf("%s: %s", path, problem.Detail)
}
