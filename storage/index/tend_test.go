package index_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// tended is an index that is looked after ten times a second.
type tended struct {
	*index.Index
	t       *testing.T
	alarms  *earshot.Alarms
	changed chan struct{}
	opened  atomic.Int32
}

func tend(t *testing.T, url string) *tended {
	t.Helper()
	x := &tended{t: t, alarms: new(earshot.Alarms), changed: make(chan struct{}, 100)}
	x.alarms.OnChange(func() { x.changed <- struct{}{} })
	var err error
	x.Index, err = index.Tend(t.Context(), url, index.TendOptions{
		Alarms: x.alarms, Every: 100 * time.Millisecond, Opened: func(context.Context) { x.opened.Add(1) },
	})
	must(t, err)
	t.Cleanup(func() { must(t, x.Close()) })
	return x
}

// says waits until exactly the alarms of the codes are raised.
func (x *tended) says(codes ...earshot.AlarmCode) {
	x.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		var now []earshot.AlarmCode
		for _, a := range x.alarms.List() {
			now = append(now, a.Code)
		}
		if strings.Join(texts(now), " ") == strings.Join(texts(codes), " ") {
			return
		}
		select {
		case <-x.changed:
		case <-deadline:
			x.t.Fatalf("alarms %+v, want %v", x.alarms.List(), codes)
		}
	}
}

func texts(codes []earshot.AlarmCode) (all []string) {
	for _, c := range codes {
		all = append(all, string(c))
	}
	return all
}

var hall = earshot.Branch{ID: "hall", Name: "营业厅"}

// works asks and changes.
func (x *tended) works(branches int) {
	x.t.Helper()
	list, err := x.Branches(x.t.Context())
	must(x.t, err)
	if len(list) != branches {
		x.t.Errorf("%d branches, want %d", len(list), branches)
	}
	must(x.t, x.SaveCall(x.t.Context(), call(0, nil)))
}

// away is ErrAway, soon.
func (x *tended) away(what string, err error) {
	x.t.Helper()
	if !errors.Is(err, index.ErrAway) {
		x.t.Errorf("%s: %v, want ErrAway", what, err)
	}
}

const garbage = "this is no index at all, but text that somebody wrote there. "

func overwrite(t *testing.T, path string, at int64, times int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	must(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat(garbage, times)), at)
	must(t, err)
	must(t, f.Close())
}

// Each fault of a SQLite file, at the start or while it is used: what is said,
// what is answered meanwhile, and how it heals.
func TestTendSQLite(t *testing.T) {
	t.Run("garbage at the start", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "index.db")
		overwrite(t, path, 0, 200)
		x := tend(t, "sqlite:"+path)
		x.says(earshot.AlarmIndexAway)
		_, err := x.Branches(t.Context())
		x.away("Branches", err)
		x.away("SaveCall", x.SaveCall(t.Context(), call(0, nil)))
		x.away("Healthy", x.Healthy(t.Context()))
		must(t, os.Rename(path, path+".damaged")) // as reindex does
		x.says()
		x.works(0)
		if n := x.opened.Load(); n != 1 {
			t.Errorf("opened %d times", n)
		}
	})
	t.Run("a folder that is not there, then is", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "disk")
		must(t, os.WriteFile(dir, nil, 0o600)) // a file where the folder should be
		x := tend(t, "sqlite:"+filepath.Join(dir, "index.db"))
		x.says(earshot.AlarmIndexAway)
		must(t, os.Remove(dir))
		x.says()
		x.works(0)
	})
	t.Run("locked for long by another process", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "index.db")
		x := tend(t, "sqlite:"+path)
		x.says()
		must(t, x.CreateBranch(t.Context(), hall))
		other, err := sql.Open("sqlite", path)
		must(t, err)
		defer func() { must(t, other.Close()) }()
		conn, err := other.Conn(t.Context())
		must(t, err)
		_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		must(t, err)
		x.says(earshot.AlarmIndexAway)
		if list, err := x.Branches(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("reading goes on: %v, %v", list, err)
		}
		x.away("SaveCall", x.SaveCall(t.Context(), call(0, nil)))
		_, err = conn.ExecContext(t.Context(), "ROLLBACK")
		must(t, err)
		must(t, conn.Close())
		x.works(1)
		x.says()
	})
	t.Run("removed while it is used", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "index.db")
		x := tend(t, "sqlite:"+path)
		must(t, x.CreateBranch(t.Context(), hall))
		for _, end := range []string{"", "-wal", "-shm"} {
			must(t, os.Remove(path+end))
		}
		x.says(earshot.AlarmIndexAway)
		x.says()
		x.works(1) // what was in it is there again
		if n := x.opened.Load(); n != 2 {
			t.Errorf("opened %d times", n)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file that was put back: %v, %v", info, err)
		}
	})
	t.Run("overwritten while it is used, then replaced", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "index.db")
		x := tend(t, "sqlite:"+path)
		must(t, x.CreateBranch(t.Context(), hall))
		overwrite(t, path, 0, 200)
		x.says(earshot.AlarmIndexAway)
		_, err := x.Branches(t.Context())
		x.away("Branches", err)
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(path+end, path+".damaged"+end); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		x.says()
		x.works(0)
	})
	t.Run("pages overwritten", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "index.db")
		before := open(t, "sqlite:"+path)
		for i := range 300 {
			must(t, before.SaveCall(t.Context(), call(time.Duration(i)*time.Minute, nil)))
		}
		must(t, before.Close())
		info, err := os.Stat(path)
		must(t, err)
		overwrite(t, path, 4*4096, int((info.Size()-4*4096)/int64(len(garbage))))
		x := tend(t, "sqlite:"+path)
		_, err = x.SearchCalls(t.Context(), index.CallQuery{})
		x.away("SearchCalls", err)
		for _, a := range x.alarms.List() {
			if a.Code == earshot.AlarmDamage || a.Code == earshot.AlarmIndexAway {
				return
			}
		}
		x.says(earshot.AlarmDamage)
	})
}

// PostgreSQL that is stopped, or does not answer, at the start or later.
func TestTendPostgres(t *testing.T) {
	server := pgtest.Own(t)
	server.Stop()
	x := tend(t, server.URL())
	x.says(earshot.AlarmIndexAway)
	_, err := x.Branches(t.Context())
	x.away("Branches", err)
	server.Start()
	x.says()
	must(t, x.CreateBranch(t.Context(), hall))
	x.works(1)

	server.Stop()
	x.says(earshot.AlarmIndexAway)
	x.away("SaveCall", x.SaveCall(t.Context(), call(0, nil)))
	server.Start()
	x.says()
	x.works(1)

	server.Freeze()
	x.says(earshot.AlarmIndexAway)
	server.Thaw()
	x.says()
	x.works(1)
}

func TestTendRefusesAWrongAddress(t *testing.T) {
	if ix, err := index.Tend(t.Context(), "mysql://x", index.TendOptions{}); ix != nil || earshot.AsError(err).Code != "bad_index_url" {
		t.Errorf("%v, %v", ix, err)
	}
}
