package index_test

import (
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

func TestBranches(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		none, err := ix.Branches(ctx)
		must(t, err)
		same(t, "branches of an empty index", none, []earshot.Branch{})
		city, hall := earshot.Branch{ID: "city", Name: "市公司"}, earshot.Branch{ID: "hall", Name: "'; DROP TABLE seats;--", Parent: "city"}
		must(t, ix.CreateBranch(ctx, city))
		must(t, ix.CreateBranch(ctx, hall))
		all, err := ix.Branches(ctx)
		must(t, err)
		same(t, "branches", all, []earshot.Branch{city, hall})
		one, err := ix.Branch(ctx, "hall")
		must(t, err)
		same(t, "a branch", one, hall)

		_, err = ix.Branch(ctx, "none")
		wantCode(t, err, "no_branch")
		wantCode(t, ix.CreateBranch(ctx, city), "exists")
		wantCode(t, ix.CreateBranch(ctx, earshot.Branch{ID: "x", Name: "x", Parent: "none"}), "bad_parent")
		wantCode(t, ix.CreateBranch(ctx, earshot.Branch{ID: "Not An Id", Name: "x"}), "bad_id")
		wantCode(t, ix.SaveBranch(ctx, earshot.Branch{ID: "none", Name: "x"}), "no_branch")
		wantCode(t, ix.SaveBranch(ctx, earshot.Branch{ID: "city", Name: "x", Parent: "none"}), "bad_parent")
		wantCode(t, ix.SaveBranch(ctx, earshot.Branch{ID: "city", Name: "x", Parent: "hall"}), "bad_parent") // a ring
		wantCode(t, ix.DeleteBranch(ctx, "city"), "branch_in_use")
		must(t, ix.CreateSeat(ctx, seat("seat-1", "hall")))
		wantCode(t, ix.DeleteBranch(ctx, "hall"), "branch_in_use")
		wantCode(t, ix.DeleteBranch(ctx, "none"), "no_branch")
		must(t, ix.DeleteSeat(ctx, "seat-1"))
		must(t, ix.DeleteBranch(ctx, "hall"))
		must(t, ix.SaveBranch(ctx, earshot.Branch{ID: "city", Name: "改名"}))
		must(t, ix.DeleteBranch(ctx, "city"))
	})
}

// Two changes that make a ring only together cannot both succeed.
func TestBranchesNeverFormARing(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		must(t, ix.CreateBranch(t.Context(), earshot.Branch{ID: "a", Name: "a"}))
		must(t, ix.CreateBranch(t.Context(), earshot.Branch{ID: "b", Name: "b"}))
		same(t, "changes that succeed", atOnce(
			func() error { return ix.SaveBranch(t.Context(), earshot.Branch{ID: "a", Name: "a", Parent: "b"}) },
			func() error { return ix.SaveBranch(t.Context(), earshot.Branch{ID: "b", Name: "b", Parent: "a"}) },
		), 1)
	})
}

func seat(id, branch string) earshot.Seat {
	return earshot.Seat{ID: id, Name: "一号窗口", Branch: branch, Kind: earshot.Counter, Cut: earshot.CutVoice}
}

func TestSeats(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		must(t, ix.CreateBranch(ctx, earshot.Branch{ID: "hall", Name: "厅"}))
		s := seat("seat-1", "hall")
		s.Tokens = []earshot.SeatToken{{Hash: "aa", MadeAt: start}}
		must(t, ix.CreateSeat(ctx, s))
		wantCode(t, ix.CreateSeat(ctx, s), "exists")
		wantCode(t, ix.CreateSeat(ctx, seat("seat-2", "none")), "bad_branch")
		s.Name, s.Cut = "二号", earshot.CutEvent
		must(t, ix.SaveSeat(ctx, s))
		wantCode(t, ix.SaveSeat(ctx, seat("none", "hall")), "no_seat")
		wantCode(t, ix.SaveSeat(ctx, seat("seat-1", "none")), "bad_branch")
		got, err := ix.Seat(ctx, "seat-1")
		must(t, err)
		same(t, "a seat", got, s)
		_, err = ix.Seat(ctx, "none")
		wantCode(t, err, "no_seat")
		all, err := ix.Seats(ctx)
		must(t, err)
		same(t, "seats", all, []earshot.Seat{s})

		live := call(0, func(c *earshot.Call) { c.State = earshot.CallLive })
		save(t, ix, live)
		wantCode(t, ix.DeleteSeat(ctx, "seat-1"), "seat_in_use")
		live.State = earshot.CallStored
		save(t, ix, live)
		must(t, ix.DeleteSeat(ctx, "seat-1"))
		wantCode(t, ix.DeleteSeat(ctx, "seat-1"), "no_seat")
		same(t, "the seat's call", read(t, ix, live.ID).Seat, "seat-1")
	})
}

func TestTokens(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		must(t, ix.CreateBranch(ctx, earshot.Branch{ID: "hall", Name: "厅"}))
		s := seat("seat-1", "hall")
		s.RenewToken("first", start)
		must(t, ix.CreateSeat(ctx, s))
		tokens := func() []earshot.SeatToken {
			t.Helper()
			got, err := ix.Seat(ctx, s.ID)
			must(t, err)
			return got.Tokens
		}
		// A floor that does not know of the renewal yet reports the first use.
		stale := []earshot.SeatToken{{Hash: "first", MadeAt: start, UsedAt: start.Add(time.Minute)}}
		s.RenewToken("second", start.Add(time.Second))
		must(t, ix.SaveTokens(ctx, s.ID, s.Tokens))
		must(t, ix.SaveTokens(ctx, s.ID, stale))
		same(t, "tokens", tokens(), []earshot.SeatToken{{Hash: "second", MadeAt: start.Add(time.Second)}, stale[0]})

		s.Tokens = tokens()
		s.Tokens[0].UsedAt = start.Add(time.Hour)
		must(t, ix.SaveTokens(ctx, s.ID, s.Tokens[:1]))
		same(t, "tokens after the new one's first use", tokens(), s.Tokens[:1])
		must(t, ix.SaveTokens(ctx, s.ID, nil))
		same(t, "tokens taken away", tokens(), []earshot.SeatToken(nil))
		wantCode(t, ix.SaveTokens(ctx, "none", nil), "no_seat")
	})
}

func TestUsers(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		admin := earshot.User{ID: "admin", Name: "管理员", Role: earshot.RoleAdmin, PasswordHash: "$argon2id$v=19$m=1,t=1,p=1$a$b"}
		second := earshot.User{ID: "second", Name: "B", Role: earshot.RoleAdmin, PasswordHash: "x"}
		must(t, ix.CreateUser(ctx, admin))
		wantCode(t, ix.CreateUser(ctx, admin), "exists")
		wantCode(t, ix.CreateUser(ctx, earshot.User{ID: "x", Name: "x", Role: "god"}), "bad_role")
		got, err := ix.User(ctx, "admin")
		must(t, err)
		same(t, "a user", got, admin)
		_, err = ix.User(ctx, "' OR '1'='1")
		wantCode(t, err, "no_user")

		disabled, demoted := admin, admin
		disabled.Disabled, demoted.Role = true, earshot.RoleInspector
		wantCode(t, ix.SaveUser(ctx, disabled), "last_admin")
		wantCode(t, ix.SaveUser(ctx, demoted), "last_admin")
		wantCode(t, ix.DeleteUser(ctx, "admin"), "last_admin")
		wantCode(t, ix.SaveUser(ctx, second), "no_user")
		wantCode(t, ix.DeleteUser(ctx, "second"), "no_user")
		must(t, ix.CreateUser(ctx, second))
		must(t, ix.SaveUser(ctx, disabled))
		wantCode(t, ix.DeleteUser(ctx, "second"), "last_admin") // the other may not sign in
		all, err := ix.Users(ctx)
		must(t, err)
		same(t, "users", all, []earshot.User{disabled, second})
		must(t, ix.DeleteUser(ctx, "admin"))
	})
}

// Two administrators cannot take away one another at the same time.
func TestOneAdminAlwaysStays(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for _, id := range []string{"a", "b", "c", "d"} {
			must(t, ix.CreateUser(t.Context(), earshot.User{ID: id, Name: id, Role: earshot.RoleAdmin}))
		}
		same(t, "deletions that succeed", atOnce(
			func() error { return ix.DeleteUser(t.Context(), "a") },
			func() error { return ix.DeleteUser(t.Context(), "b") },
			func() error { return ix.DeleteUser(t.Context(), "c") },
			func() error { return ix.DeleteUser(t.Context(), "d") },
		), 3)
	})
}

// atOnce does all things at once and tells how many succeeded.
func atOnce(things ...func() error) int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for _, thing := range things {
		wg.Go(func() {
			if thing() == nil {
				mu.Lock()
				defer mu.Unlock()
				done++
			}
		})
	}
	wg.Wait()
	return done
}

func TestAgents(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		must(t, ix.SaveAgent(ctx, earshot.Agent{ID: "A1", Name: "王"}))
		must(t, ix.SaveAgent(ctx, earshot.Agent{ID: "A1", Name: "王小明"}))
		must(t, ix.SaveAgent(ctx, earshot.Agent{ID: "A1"}))
		must(t, ix.SaveAgent(ctx, earshot.Agent{}))
		got, err := ix.Agents(ctx)
		must(t, err)
		same(t, "agents", got, []earshot.Agent{{ID: "A1", Name: "王小明"}})
		one, err := ix.Agent(ctx, "A1")
		must(t, err)
		same(t, "an agent", one, got[0])
		_, err = ix.Agent(ctx, "A2")
		wantCode(t, err, "no_agent")
	})
}

func TestSessions(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		now := start
		store := ix.Sessions(func() time.Time { return now })
		data := []byte{0, 1, 0xff, '\'', '\\', '?'}
		must(t, store.Commit("token", []byte("older"), start.Add(time.Second)))
		must(t, store.Commit("token", data, start.Add(time.Hour)))
		got, found, err := store.Find("token")
		must(t, err)
		same(t, "found", found, true)
		same(t, "data", got, data)
		_, found, err = store.Find("other")
		must(t, err)
		same(t, "another token found", found, false)

		now = start.Add(time.Hour)
		_, found, err = store.Find("token")
		must(t, err)
		same(t, "an expired session found", found, false)

		must(t, store.Commit("next", nil, now.Add(time.Hour)))
		now = start // what has expired is gone even for a clock that goes back
		_, found, err = store.Find("token")
		must(t, err)
		same(t, "a swept session found", found, false)
		must(t, store.Delete("next"))
		must(t, store.Delete("next"))
		_, found, err = store.Find("next")
		must(t, err)
		same(t, "a deleted session found", found, false)
	})
}

// Nobody gets the id of somebody who has left: private marks and shared searches
// would be theirs, and the audit would tell of one what another did.
func TestIDsOfUsersAreNotUsedAgain(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		for _, id := range []string{"boss", "lina"} {
			must(t, ix.CreateUser(ctx, earshot.User{ID: id, Name: id, Role: earshot.RoleAdmin, PasswordHash: "$x"}))
		}
		lina, err := ix.User(ctx, "lina")
		must(t, err)
		must(t, ix.DeleteUser(ctx, "lina"))
		wantCode(t, ix.CreateUser(ctx, lina), "former_user")
		_, err = ix.User(ctx, "lina")
		wantCode(t, err, "no_user")
		wantCode(t, ix.DeleteUser(ctx, "lina"), "no_user")
		wantCode(t, ix.DeleteUser(ctx, "nobody"), "no_user")
		must(t, ix.CreateUser(ctx, earshot.User{ID: "nobody", Name: "x", Role: earshot.RoleAdmin, PasswordHash: "$x"})) // never was one
		wantCode(t, ix.DeleteUser(ctx, "nobody-2"), "no_user")
		must(t, ix.DeleteUser(ctx, "nobody"))
		wantCode(t, ix.DeleteUser(ctx, "boss"), "last_admin")
		wantCode(t, ix.CreateUser(ctx, earshot.User{ID: "boss", Name: "x", Role: earshot.RoleAdmin, PasswordHash: "$x"}), "exists")
		same(t, "two at once", atOnce(
			func() error {
				return ix.CreateUser(ctx, earshot.User{ID: "twin", Name: "x", Role: earshot.RoleAgent, PasswordHash: "$x"})
			},
			func() error {
				return ix.CreateUser(ctx, earshot.User{ID: "twin", Name: "y", Role: earshot.RoleAgent, PasswordHash: "$x"})
			},
		), 1)
	})
}
