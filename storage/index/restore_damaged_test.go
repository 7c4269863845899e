package index_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
	"earshot/storage/index"
)

// TestDamagedIndexIsSetAside: only what is no index any more is moved away, and
// all of it.
func TestDamagedIndexIsSetAside(t *testing.T) {
	write := func(t *testing.T, name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alter := func(t *testing.T, name string, change func(data []byte) []byte) {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, change(data))
	}
	for _, row := range []struct {
		name   string
		damage func(t *testing.T, file string)
		says   string // empty: it is kept
	}{
		{"a sound one", func(*testing.T, string) {}, ""},
		{"no file", func(t *testing.T, file string) { remove(t, file) }, ""},
		{"garbage", func(t *testing.T, file string) { write(t, file, []byte(strings.Repeat("garbage ", 4000))) }, "not a database"},
		{"its head overwritten", func(t *testing.T, file string) {
			alter(t, file, func(data []byte) []byte { return append(make([]byte, 100), data[100:]...) })
		}, "not a database"},
		{"cut in the middle", func(t *testing.T, file string) {
			alter(t, file, func(data []byte) []byte { return data[:len(data)/2] })
		}, "malformed"},
		{"a page inside zeroed", func(t *testing.T, file string) {
			alter(t, file, func(data []byte) []byte {
				clear(data[3*4096 : 4*4096])
				return data
			})
		}, "page"},
		{"a table missing", func(t *testing.T, file string) {
			exec(t, file, "DROP TABLE users")
		}, "users"},
		{"another program's", func(t *testing.T, file string) {
			remove(t, file)
			exec(t, file, "CREATE TABLE calls (x)")
		}, "calls"},
		{"a log without its file", func(t *testing.T, file string) {
			remove(t, file)
			write(t, file+"-wal", []byte("log"))
		}, "log"},
	} {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "index.db")
			ix, err := index.Open(t.Context(), "sqlite:"+file)
			if err != nil {
				t.Fatal(err)
			}
			furnish(t, ix)
			if err := ix.SaveCall(t.Context(), call(0, nil)); err != nil {
				t.Fatal(err)
			}
			if err := ix.Close(); err != nil {
				t.Fatal(err)
			}
			row.damage(t, file)
			before, _ := os.ReadFile(file)
			as, why, err := index.SetAsideDamaged(t.Context(), "sqlite:"+file, start)
			if err != nil {
				t.Fatal(err)
			}
			if (as != "") != (row.says != "") || why != nil && !strings.Contains(why.Error(), row.says) {
				t.Fatalf("set aside as %q because %v, want %q", as, why, row.says)
			}
			if as != "" && row.name != "a log without its file" && row.name != "another program's" {
				if kept, err := os.ReadFile(as); err != nil || string(kept) != string(before) {
					t.Errorf("what was set aside is not what was there: %v", err)
				}
			}
			again := open(t, "sqlite:"+file)
			_, err = again.User(t.Context(), "lina")
			if gone := errors.Is(err, index.ErrNoUser); gone != (row.says != "" || row.name == "no file") || err != nil && !gone {
				t.Errorf("the index afterwards: %v", err)
			}
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// TestFolderInPlaceOfIndex is no damage but a mistake: nothing is moved.
func TestFolderInPlaceOfIndex(t *testing.T) {
	dir := t.TempDir()
	if as, _, err := index.SetAsideDamaged(t.Context(), "sqlite:"+dir, start); err == nil || as != "" {
		t.Errorf("%q, %v", as, err)
	}
}

// TestRestoreCallsAllOrNone keeps the calls that were there where one of a batch
// cannot be kept.
func TestRestoreCallsAllOrNone(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		good, bad := call(0, nil), call(1, func(c *earshot.Call) {
			c.Parts = []earshot.Part{{N: 1, File: "a"}, {N: 1, File: "b"}}
		})
		bad.Parts[1].N = 1
		bad.Marks = []earshot.Mark{{ID: "m"}, {ID: "m"}}
		if err := ix.RestoreCalls(t.Context(), []index.Restored{{Call: good}, {Call: bad}}); err == nil {
			t.Fatal("two marks of one id were kept")
		}
		if _, err := ix.Call(t.Context(), good.ID); !errors.Is(err, earshot.ErrNoCall) {
			t.Errorf("got %v", err)
		}
	})
}

func exec(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
