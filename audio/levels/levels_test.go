package levels

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"earshot"
	"earshot/audio/g711"
)

func sine(amplitude float64) []int16 {
	s := make([]int16, 800)
	for i := range s {
		s[i] = int16(amplitude * math.Sin(2*math.Pi*float64(i)/40))
	}
	return s
}

func TestLevel(t *testing.T) {
	square := make([]int16, 160)
	for i := range square {
		square[i] = -32768
	}
	for _, c := range []struct {
		name string
		pcm  []int16
		want byte
	}{
		{"full-scale square", square, 0},
		{"full-scale sine", sine(32767), 3},
		{"20 dB below", sine(3277), 23},
		{"60 dB below", sine(32.8), 63},
		{"one bit", append(make([]int16, 999), 1), 120},
		{"silence", make([]int16, 160), 127},
		{"nothing", nil, 127},
	} {
		if got := OfPCM(c.pcm); got != c.want {
			t.Errorf("%s: −%d dBov instead of −%d", c.name, got, c.want)
		}
		if c.want > 40 && c.want < 127 {
			continue // G.711 cannot be so quiet
		}
		if got := OfULaw(g711.EncodeULaw(nil, c.pcm)); got != c.want {
			t.Errorf("%s: −%d dBov in µ-law instead of −%d", c.name, got, c.want)
		}
		if got := OfALaw(g711.EncodeALaw(nil, c.pcm)); got != c.want {
			t.Errorf("%s: −%d dBov in A-law instead of −%d", c.name, got, c.want)
		}
	}
}

func TestSteps(t *testing.T) {
	var s Steps
	s.Add(-40, 20, 1)  // before the start
	s.Add(0, 20, 30)   // step 0
	s.Add(20, 20, 25)  // louder
	s.Add(40, 20, 99)  // quieter
	s.Add(290, 20, 40) // across steps 2 and 3
	s.Add(450, 20, earshot.LevelGap)
	s.Extend(501)
	if want := []byte{25, 255, 40, 40, 255, 255}; !bytes.Equal(s.Bytes(), want) {
		t.Errorf("%v instead of %v", s.Bytes(), want)
	}
}

func TestFileThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "agent")
		c := rapid.SliceOfN(rapid.Byte(), len(a), len(a)).Draw(t, "customer")
		agent, customer, err := Parse(append(Append(nil, a, c), 1)[:8+2*len(a)+1])
		if err != nil || !bytes.Equal(agent, a) || !bytes.Equal(customer, c) {
			t.Fatalf("%v, %v, %v", agent, customer, err)
		}
	})
	if got := Append(nil, []byte{1, 2}, []byte{3}); string(got) != "ESLEVEL1\x01\x03\x02\xff" {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(magic))
	f.Add([]byte(magic + "ab"))
	f.Add([]byte("ESLEVEL2ab"))
	f.Fuzz(func(t *testing.T, b []byte) {
		agent, customer, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrNotLevels) {
				t.Fatal(err)
			}
			return
		}
		if again := Append(nil, agent, customer); !bytes.HasPrefix(b, again) || len(b)-len(again) > 1 {
			t.Fatalf("%q became %q", b, again)
		}
	})
}
