package levels

import (
	"testing"

	"earshot"
)

// FuzzSteps adds packets at any times: the timeline is as long as what was
// added, never longer, and each step has the loudest packet in it.
func FuzzSteps(f *testing.F) {
	f.Add([]byte{0, 20, 10, 1, 20, 90, 255, 255, 127})
	f.Add([]byte{9, 0, 0, 9, 120, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Steps
		want := map[int64]byte{}
		end := int64(0)
		for ; len(b) >= 3; b = b[3:] {
			ms, long, level := (int64(b[0])-16)*50, int64(b[1]), b[2]
			s.Add(ms, long, level)
			if level > earshot.LevelSilence || ms+max(long, 1) <= 0 {
				continue
			}
			end = max(end, ms+max(long, 1))
			for at := max(ms, 0); at < ms+max(long, 1); at++ {
				step := at / earshot.LevelStepMs
				if had, ok := want[step]; !ok || level < had {
					want[step] = level
				}
			}
		}
		steps := s.Bytes()
		if n := (end + earshot.LevelStepMs - 1) / earshot.LevelStepMs; int64(len(steps)) != n {
			t.Fatalf("%d steps for %d ms", len(steps), end)
		}
		for i, got := range steps {
			if level, ok := want[int64(i)]; ok && got != level || !ok && got != earshot.LevelGap {
				t.Fatalf("step %d is %d, not %d", i, got, level)
			}
		}
	})
}
