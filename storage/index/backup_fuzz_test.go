package index_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"earshot/storage/index"
)

// FuzzBackup puts back-ups back that anything may have happened to, some with a
// sum that fits nevertheless. Whatever they are, it ends, and the index that took
// what it would of them can be backed up again.
func FuzzBackup(f *testing.F) {
	ix, err := index.Open(f.Context(), "sqlite:"+filepath.Join(f.TempDir(), "index.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := ix.Close(); err != nil {
			f.Error(err)
		}
	})
	var empty bytes.Buffer
	if _, err := ix.Backup(f.Context(), &empty, "", start); err != nil {
		f.Fatal(err)
	}
	f.Add(empty.Bytes(), "", false)
	for _, rows := range []string{
		`{"table":"users","row":{"id":"a","name":"n","role":"admin","disabled":false,"password_hash":"h"}}`,
		`{"table":"branches","row":{"id":"a","name":"n","parent":null}}` + "\n" + `{"table":"branches","row":{"id":"b","name":"n","parent":"a"}}`,
		`{"table":"branches","row":{"id":"a","name":"n","parent":"a"}}`,
		`{"table":"seats","row":{"id":"s","name":"n","branch":"a","kind":"counter","cut":"voice"}}` + "\n" + `{"table":"seat_tokens","row":{"seat":"s","hash":"h","made_at":1,"used_at":0}}`,
		`{"table":"audit","row":{"id":"a","at":1}}` + "\n" + `{"table":"audit","row":{"id":"a","at":2}}`,
		`{"table":"announcements","row":{"id":"a","seat":"s","ref":"r"}}` + "\n" + `{"table":"announcements","row":{"id":"b","seat":"s","ref":"r"}}`,
		`{"table":"packages","row":{"id":"a","at":1,"state":"ready","doc":"{}"}}`,
		`{"table":"calls","row":{}}`, `{"table":"users","row":null}`, `{"table":"users","row":{"id":7}}`, `{"rows":0}`, `{}`, ``,
	} {
		f.Add([]byte(nil), rows, true)
		f.Add([]byte(nil), rows, false)
	}
	f.Fuzz(func(t *testing.T, file []byte, rows string, replace bool) {
		if len(file) == 0 {
			text := `{"format":"earshot-backup","version":1}` + "\n"
			n := 0
			if rows != "" {
				n = strings.Count(rows, "\n") + 1
				text += rows + "\n"
			}
			sum := sha256.Sum256([]byte(text))
			file = zipped(t, text+fmt.Sprintf(`{"rows":%d,"sha256":"%s"}`+"\n", n, hex.EncodeToString(sum[:])))
		}
		_, checked := index.CheckBackup(bytes.NewReader(file))
		_, err := ix.Restore(t.Context(), bytes.NewReader(file), replace)
		if checked != nil && err == nil {
			t.Fatalf("put back though it is not whole: %v", checked)
		}
		var again bytes.Buffer
		if _, err := ix.Backup(t.Context(), &again, "", start); err != nil {
			t.Fatalf("the index cannot be backed up any more: %v", err)
		}
		if _, err := index.CheckBackup(&again); err != nil {
			t.Fatalf("its back-up is none: %v", err)
		}
	})
}
