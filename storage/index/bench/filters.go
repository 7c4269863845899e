package bench

import (
	"fmt"
	"math/rand/v2"
	"time"

	"earshot"
	"earshot/storage/index"
)

// filter is something to search by, taken from a call that there is.
type filter struct {
	name  string
	words bool
	set   func(q *index.CallQuery, like earshot.Call, r *rand.Rand)
}

func (s *searcher) filters() []filter {
	yes, no := true, false
	return []filter{
		{"时间 time", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			days := time.Duration(1+r.IntN(7)) * 24 * time.Hour
			q.From, q.To = like.StartedAt.Add(-days), like.StartedAt.Add(time.Hour)
		}},
		{"机构 branch", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Branches = []string{like.Branch} }},
		{"上级机构 parent branch", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Branches = []string{"halls"}
			if like.Kind == earshot.Hotline {
				q.Branches = []string{"hotline"}
			}
		}},
		{"席位 seat", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Seats = []string{like.Seat} }},
		{"工号 agent", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Agents = []string{agentOf(like).ID} }},
		{"姓名 agent's name", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Agents = []string{agentOf(like).Name} }},
		{"类型 kind", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Kinds = []earshot.SeatKind{like.Kind} }},
		{"方向 direction", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Directions = []earshot.Direction{like.Direction}
		}},
		{"号码 number", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Number = s.having(like, func(c earshot.Call) string { return c.Number })
		}},
		{"尾号两位 last two digits", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			number := s.having(like, func(c earshot.Call) string { return c.Number })
			q.Number = number[max(len(number)-2, 0):]
		}},
		{"中间四位 four digits within", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			number := s.having(like, func(c earshot.Call) string { return c.Number })
			if n := len(number); n > 8 {
				at := r.IntN(n - 4)
				q.Number = number[at : at+4]
			}
		}},
		{"户号 account", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Account = s.having(like, func(c earshot.Call) string { return c.Account })
		}},
		{"工单 ticket", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Ticket = s.having(like, func(c earshot.Call) string { return c.Ticket })
		}},
		{"业务 business", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Businesses = []string{like.Business} }},
		{"评价 rating", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Ratings = []int{1 + r.IntN(5)}
		}},
		{"时长 length", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.MinMs = []int64{60_000, 300_000, 900_000, 1_800_000, 3_600_000}[r.IntN(5)]
			switch r.IntN(3) {
			case 0:
				q.MaxMs = q.MinMs * 2
			case 1: // to the second
				q.MinMs = int64(20+r.IntN(600)) * 1000
				q.MaxMs = q.MinMs + 999
			}
		}},
		{"标记 flag", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Flags = []earshot.Flag{earshot.Flag(flags[r.IntN(len(flags))].name)}
		}},
		{"标签 tag", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Tags = []string{tags[r.IntN(len(tags))].name}
		}},
		{"冻结 held", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.HeldAt = s.Now }},
		{"已听 played", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Played = &yes }},
		{"未听 not played", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Played = &no }},
		{"未冻结 not held", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.FreeAt = s.Now }},
		{"静音占比 silence", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Talk.MinSilence = oneOf(r, 100, 300, 500, 700)
			if r.IntN(3) == 0 {
				q.Talk.MaxSilence, q.Talk.MinSilence = q.Talk.MinSilence, nil
			}
		}},
		{"坐席占比 agent's share", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Talk.MinAgent = oneOf(r, 300, 450, 600)
			q.Talk.MaxAgent = oneOf(r, 610, 700, 1000)
		}},
		{"抢话占比 overtalk", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Talk.MinOvertalk = oneOf(r, 50, 100, 200) }},
		{"打断次数 interruptions", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Talk.MinInterruptions = oneOf(r, 1, 3, 5, 9, 15)
		}},
		{"最长独白 monologue", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			long := int64(*oneOf(r, 30, 60, 90, 150)) * 1000
			q.Talk.MinMonologueMs = &long
		}},
		{"导入 imported", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Imported = &yes }},
		{"非导入 not imported", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Imported = &no }},
		{"导入批次 batch", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Batch = fmt.Sprintf("import-%d", r.IntN(4))
		}},
		{"已删除 deleted", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.States = []earshot.CallState{earshot.CallDeleted}
		}},
		{"一个字 a letter", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Words = []string{string([]rune(someWord(r))[:1]), string(rune('0' + r.IntN(10))), string(rune('a' + r.IntN(26)))}[r.IntN(3)]
		}},
		{"两字词 a word", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Words = someWord(r) }},
		{"两个词 two words", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Words = someWord(r) + " " + someWord(r) }},
		{"备注 a note", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Notes = someWord(r) }},
	}
}

func oneOf(r *rand.Rand, values ...int) *int { return &values[r.IntN(len(values))] }

func agentOf(c earshot.Call) earshot.Agent {
	if c.Agent == nil {
		return earshot.Agent{}
	}
	return *c.Agent
}

// someWord is two characters that stand side by side in what calls say.
func someWord(r *rand.Rand) string {
	from := [][]string{troubles, outcomes, streets, businesses, openings}[r.IntN(5)]
	letters := []rune(from[r.IntN(len(from))])
	at := r.IntN(len(letters) - 1)
	return string(letters[at : at+2])
}

// having is what a call says, or another if it says nothing.
func (s *searcher) having(like earshot.Call, what func(earshot.Call) string) string {
	for range 100 {
		if said := what(like); said != "" {
			return said
		}
		like = s.like()
	}
	return ""
}
