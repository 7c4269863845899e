package monitor

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// The description is the same each time: what is generated from it is compared
// in CI.
func TestOpenAPIIsStable(t *testing.T) {
	first, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Error("two descriptions of the same code differ")
	}
	var doc struct {
		Paths      map[string]map[string]struct{ OperationID string } `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(first, &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			described[op.OperationID] = true
		}
	}
	for _, r := range Routes() {
		if r.Tag != "live" && r.Tag != "operations" && !described[r.ID] {
			t.Errorf("%s is not described", r.ID)
		}
	}
}

// The dashboard's types are made from the committed description.
func TestCommittedDescriptionIsUpToDate(t *testing.T) {
	committed, err := os.ReadFile("../web/openapi.json")
	must(t, err)
	now, err := OpenAPI()
	must(t, err)
	if !bytes.Equal(committed, now) {
		t.Error("web/openapi.json is not what the code describes: run make generate")
	}
}
