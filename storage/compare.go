package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"earshot"
)

// readCallFile reads a call's own file.
func readCallFile(from interface {
	ReadWhole(name string) ([]byte, error)
}, name string) (earshot.Call, error) {
	var call earshot.Call
	text, err := from.ReadWhole(name)
	if err != nil {
		return call, err
	}
	if err := json.Unmarshal(text, &call); err != nil {
		return call, fmt.Errorf("read %s: %w", name, err)
	}
	return call.Clone(), nil
}

// differences are the names of the fields in which a call of the index and its
// file differ. Holds are left out: those of a window come into the files later,
// and they are compared with the ledger.
func differences(row, file earshot.Call) []string {
	a, b := fieldsOf(row), fieldsOf(file)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if name != "holds" && !bytes.Equal(a[name], b[name]) {
			names = append(names, name)
		}
	}
	return names
}

func fieldsOf(call earshot.Call) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	text, err := json.Marshal(call.Clone())
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		panic(err) // a call is plain data
	}
	return fields
}
