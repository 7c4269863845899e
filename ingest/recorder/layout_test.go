package recorder

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

func TestOneTrack(t *testing.T) {
	for _, row := range []struct {
		fixture  string
		track    Track
		frame    time.Duration
		kind     earshot.TrackKind
		channels int
	}{
		{"agent", agentTrack, 20 * time.Millisecond, earshot.TrackAgent, 1},
		{"customer", customerTrack, 20 * time.Millisecond, earshot.TrackCustomer, 1},
		{"agent", Track{Side: earshot.SideAgent, Mixed: true, Codec: earshot.Opus, Channels: 1}, 20 * time.Millisecond, earshot.TrackMixed, 1},
		{"stereo", Track{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 2}, 20 * time.Millisecond, earshot.TrackBoth, 2},
		{"hybrid10", agentTrack, 10 * time.Millisecond, earshot.TrackAgent, 1},
		{"celt10", agentTrack, 10 * time.Millisecond, earshot.TrackAgent, 1},
		{"silk60", agentTrack, 60 * time.Millisecond, earshot.TrackAgent, 1},
		{"hybrid60", agentTrack, 60 * time.Millisecond, earshot.TrackAgent, 1},
	} {
		t.Run(fmt.Sprint(row.fixture, " ", row.kind), func(t *testing.T) {
			packets := fixture(t, row.fixture)
			packets = packets[:len(packets)-1] // the last may be shorter
			n := int(6 * time.Second / row.frame)
			s := sender{side: row.track.Side, ssrc: 5, seq: 9, ts: 77, ticks: uint32(samples(row.frame)), every: row.frame}
			lost := n / 2
			events := s.events(packets, n, 0)
			o := record(t, []Track{row.track}, 6*time.Second, cut(events, lost, lost+1))
			r, got := readOgg(t, o.file(1))
			want := looped(packets, n)
			holes := [][]byte{appendFiller(nil, fillerSize(samples(row.frame)), row.channels == 2)}
			for left := samples(row.frame) - fillerSize(samples(row.frame)); left > 0; left -= slot {
				holes = append(holes, holes[0])
			}
			want = slices.Concat(want[:lost], holes, want[lost+1:])
			same(t, "packets", got, want)
			if r.Head.Family != 0 || r.Head.Channels != row.channels {
				t.Errorf("head %+v", r.Head)
			}
			p := o.call.Parts[0]
			if p.Track != row.kind || p.Channels != row.channels || p.DurationMs != 6000 || o.call.Channels != row.channels {
				t.Errorf("part %+v of a call with %d channels", p, o.call.Channels)
			}
			from := int64(lost) * row.frame.Milliseconds()
			for _, g := range o.call.Gaps {
				if g.StartMs != from || g.EndMs != from+row.frame.Milliseconds() || g.Cause != earshot.CauseLost {
					t.Errorf("gap %+v", g)
				}
			}
			if len(o.call.Gaps) != row.channels {
				t.Errorf("gaps %+v", o.call.Gaps)
			}
		})
	}
}

// Frames of other lengths are merged or split into slots, each frame exact.
func TestFramesOfOtherLengths(t *testing.T) {
	c := fixture(t, "customer")
	for _, row := range []struct {
		fixture string
		frame   time.Duration
		lost    []int
		gaps    int
	}{
		{"hybrid10", 10 * time.Millisecond, nil, 0},
		{"silk10", 10 * time.Millisecond, nil, 0},
		{"celt10", 10 * time.Millisecond, []int{100}, 1},
		{"hybrid10", 10 * time.Millisecond, []int{101}, 1},
		{"hybrid10", 10 * time.Millisecond, []int{101, 102}, 1},
		{"hybrid10", 10 * time.Millisecond, []int{100, 103, 104, 105, 106}, 2},
		{"hybrid60", 60 * time.Millisecond, nil, 0},
		{"hybrid60", 60 * time.Millisecond, []int{10}, 1},
	} {
		t.Run(fmt.Sprint(row.fixture, row.lost), func(t *testing.T) {
			packets := fixture(t, row.fixture)
			if row.fixture == "hybrid10" {
				packets = packets[100:] // before, its bandwidth changes within a pair
			}
			n := int(3 * time.Second / row.frame)
			s := agentSender()
			s.ticks, s.every = uint32(samples(row.frame)), row.frame
			events := s.events(packets, n, 0)
			var sent []event
			for i, e := range events {
				if !slices.Contains(row.lost, i) {
					sent = append(sent, e)
				}
			}
			o := record(t, twoTracks, 3*time.Second, sent, customerSender().events(c, 150, 0))
			if len(o.call.Parts) != 1 {
				t.Fatalf("parts %+v", o.call.Parts)
			}
			agent, customer := sides(t, o.file(1))
			same(t, "customer", customer, looped(c, 150))
			if len(agent) != 150 {
				t.Fatalf("%d slots", len(agent))
			}
			var got, want [][]byte
			for _, p := range agent {
				if bytes.Equal(p, fill) {
					continue
				}
				frames, err := opus.Parse(p)
				if err != nil || frames.Samples() != slot {
					t.Fatalf("slot of %d samples: %v", frames.Samples(), err)
				}
				for _, f := range frames.Frames {
					if len(f) > 0 {
						got = append(got, append([]byte{byte(frames.TOC) &^ 3}, f...))
					}
				}
			}
			for _, e := range sent {
				frames, err := opus.Split(e.p.Payload)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, frames...)
			}
			same(t, "frames", got, want)
			if len(o.call.Gaps) != row.gaps {
				t.Errorf("gaps %+v", o.call.Gaps)
			}
		})
	}
}

// A single SILK frame of 60 ms cannot share slots with 20 ms frames: from it on
// each side has a file of its own, and nothing is lost.
func TestSidesGoApart(t *testing.T) {
	a, c, long := fixture(t, "agent"), fixture(t, "customer"), fixture(t, "silk60")[2:]
	for _, late := range []int{0, 3} {
		first := agentSender().events(a, 100, 0)
		s := agentSender()
		s.seq, s.ts, s.ticks, s.every = s.seq+100, s.ts+100*960, 2880, 60*time.Millisecond
		second := s.events(long, 50, 2*time.Second)
		other := customerSender().events(c, 250, 0)
		if late > 0 {
			other = change(other, 100, 100+late, func(_ int, e *event) { e.at += time.Second })
		}
		o := record(t, twoTracks, 5*time.Second, first, second, other)
		if len(o.call.Parts) != 3 || len(o.call.Gaps) != 0 {
			t.Fatalf("parts %+v, gaps %+v", o.call.Parts, o.call.Gaps)
		}
		agent, customer := sides(t, o.file(1))
		same(t, "agent together", agent, looped(a, 100))
		same(t, "customer together", customer, looped(c, 100))
		_, alone := readOgg(t, o.file(2))
		same(t, "agent alone", alone, looped(long, 50))
		_, alone = readOgg(t, o.file(3))
		same(t, "customer alone", alone, looped(c, 250)[100:])
		for i, p := range o.call.Parts[1:] {
			want := []earshot.TrackKind{earshot.TrackAgent, earshot.TrackCustomer}[i]
			if p.Track != want || p.StartMs != 2000 || p.DurationMs != 3000 || p.N != i+2 {
				t.Errorf("part %+v", p)
			}
		}
		if o.call.Channels != 2 {
			t.Errorf("%d channels", o.call.Channels)
		}
		levels := o.r.Levels()
		if slices.Contains(levels.Agent, earshot.LevelGap) || slices.Contains(levels.Customer, earshot.LevelGap) || len(levels.Agent) != 50 {
			t.Errorf("levels %v", levels)
		}
	}
}

// Pairs of 10 ms frames whose configuration changes within a pair cannot share
// slots either.
func TestPairThatDiffers(t *testing.T) {
	a, c := fixture(t, "hybrid10"), fixture(t, "customer")
	s := agentSender()
	s.ticks, s.every = 480, 10*time.Millisecond
	for _, lost := range []int{-1, 85} {
		events, want := s.events(a, 300, 0), looped(a, 300)
		if lost >= 0 {
			events = cut(events, lost, lost+1)
			want = slices.Delete(want, lost, lost+1)
		}
		o := record(t, twoTracks, 3*time.Second, events, customerSender().events(c, 150, 0))
		if len(o.call.Parts) != 3 {
			t.Fatalf("parts %+v", o.call.Parts)
		}
		agent, customer := sides(t, o.file(1))
		_, alone := readOgg(t, o.file(2))
		var got [][]byte
		for _, p := range slices.Concat(agent, alone) {
			frames, err := opus.Split(p)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, slices.DeleteFunc(frames, func(f []byte) bool { return len(f) == 1 })...)
		}
		same(t, "agent", got, want)
		_, alone = readOgg(t, o.file(3))
		same(t, "customer", slices.Concat(customer, alone), looped(c, 150))
		if p := o.call.Parts[1]; p.StartMs+p.DurationMs != 3000 {
			t.Errorf("part %+v", p)
		}
	}
}

func TestDifferentCodecs(t *testing.T) {
	c := fixture(t, "customer")
	tone := g711Packets(100, 160, 3)
	s := agentSender()
	s.ticks = 160
	o := record(t, []Track{{Side: earshot.SideAgent, Codec: earshot.PCMU, Channels: 1}, customerTrack}, 2*time.Second,
		s.events(tone, 100, 0), customerSender().events(c, 100, 0))
	if len(o.call.Parts) != 2 {
		t.Fatalf("parts %+v", o.call.Parts)
	}
	if got := wavData(t, o.file(1)); !bytes.Equal(got, slices.Concat(tone...)) {
		t.Error("the agent's samples differ")
	}
	_, packets := readOgg(t, o.file(2))
	same(t, "customer", packets, looped(c, 100))
	if p := o.call.Parts[0]; p.Track != earshot.TrackAgent || p.AudioType() != "audio/wav" || p.DurationMs != 2000 {
		t.Errorf("part %+v", p)
	}
}

// g711Packets are packets of bytes that never are silence.
func g711Packets(n, size int, seed byte) [][]byte {
	packets := make([][]byte, n)
	for i := range packets {
		packets[i] = make([]byte, size)
		for k := range packets[i] {
			packets[i][k] = 1 + byte(i*7+k*3)%100 + seed
		}
	}
	return packets
}

func wavData(t *testing.T, file []byte) []byte {
	t.Helper()
	r, err := wav.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if info := r.Info; int64(len(file)) != wav.HeaderBytes+info.DataBytes {
		t.Fatalf("%d bytes of audio in a file of %d", info.DataBytes, len(file))
	}
	return file[wav.HeaderBytes:]
}

func TestG711(t *testing.T) {
	for _, row := range []struct {
		name        string
		codec       earshot.Codec
		a, c        int // samples in a packet
		lostA       []int
		silence     byte
		wantSilence [2]int // samples of the agent
		gaps        int
	}{
		{"µ-law", earshot.PCMU, 160, 160, nil, 0xFF, [2]int{}, 0},
		{"A-law", earshot.PCMA, 160, 160, nil, 0xD5, [2]int{}, 0},
		{"A-law, one lost", earshot.PCMA, 160, 160, []int{50}, 0xD5, [2]int{8000, 8160}, 1},
		{"µ-law of 10 and 30 ms", earshot.PCMU, 80, 240, nil, 0xFF, [2]int{}, 0},
		{"µ-law of 60 ms, one lost", earshot.PCMU, 480, 160, []int{4}, 0xFF, [2]int{1920, 2400}, 1},
		{"µ-law of 10 ms, one lost", earshot.PCMU, 80, 160, []int{33}, 0xFF, [2]int{2640, 2720}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			const total = 24_000 // samples, 3 s
			a, c := g711Packets(total/row.a, row.a, 3), g711Packets(total/row.c, row.c, 60)
			s := agentSender()
			s.ticks, s.every = uint32(row.a), time.Duration(row.a)*time.Second/8000
			sent := s.events(a, len(a), 0)
			for _, i := range row.lostA {
				sent = cut(sent, i, i+1)
			}
			s = customerSender()
			s.ticks, s.every = uint32(row.c), time.Duration(row.c)*time.Second/8000
			tracks := []Track{{Side: earshot.SideAgent, Codec: row.codec, Channels: 1}, {Side: earshot.SideCustomer, Codec: row.codec, Channels: 1}}
			o := record(t, tracks, 3*time.Second, sent, s.events(c, len(c), 0))
			data := wavData(t, o.file(1))
			want := slices.Concat(a...)
			for i := row.wantSilence[0]; i < row.wantSilence[1]; i++ {
				want[i] = row.silence
			}
			other := slices.Concat(c...)
			if len(data) != 2*total {
				t.Fatalf("%d bytes", len(data))
			}
			for i := range total {
				if data[2*i] != want[i] || data[2*i+1] != other[i] {
					t.Fatalf("sample %d is %x %x, want %x %x", i, data[2*i], data[2*i+1], want[i], other[i])
				}
			}
			if p := o.call.Parts[0]; p.DurationMs != 3000 || p.Track != earshot.TrackBoth || p.Codec != row.codec {
				t.Errorf("part %+v", p)
			}
			if len(o.call.Gaps) != row.gaps {
				t.Errorf("gaps %+v", o.call.Gaps)
			}
		})
	}
}

// decode plays a file with ffmpeg to 16-bit samples at 48 kHz.
func decode(t *testing.T, file []byte, args ...string) []int16 {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is not installed")
		}
		t.Skip("ffmpeg is not installed")
	}
	args = append(args, "-i", "pipe:0", "-f", "s16le", "-ar", "48000", "pipe:1")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error"}, args...)...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(file), &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Fatalf("ffmpeg: %v: %s", err, said.String())
	}
	pcm := make([]int16, out.Len()/2)
	for i := range pcm {
		pcm[i] = int16(out.Bytes()[2*i]) | int16(out.Bytes()[2*i+1])<<8
	}
	return pcm
}

// What the two-track file plays is, side by side, what each side sent.
func TestDecodes(t *testing.T) {
	for _, other := range []string{"customer", "celt20", "silk20", "celt10"} {
		t.Run(other, func(t *testing.T) {
			a, c := fixture(t, "agent"), fixture(t, other)
			a = a[:250]
			s, each := customerSender(), 1
			if other == "celt10" {
				s.ticks, s.every, each = 480, 10*time.Millisecond, 2
			}
			c = c[:250*each]
			o := record(t, twoTracks, 5*time.Second, agentSender().events(a, 250, 0), s.events(c, 250*each, 0))
			both := decode(t, o.file(1), "-c:a", "libopus")
			agent := decode(t, record(t, twoTracks[:1], 5*time.Second, agentSender().events(a, 250, 0)).file(1), "-c:a", "libopus")
			customer := decode(t, record(t, twoTracks[1:], 5*time.Second, s.events(c, 250*each, 0)).file(1), "-c:a", "libopus")
			if len(both) != 2*len(agent) || len(agent) != len(customer) || len(agent) != 250*slot-312 {
				t.Fatalf("%d, %d and %d samples", len(both), len(agent), len(customer))
			}
			for i := range agent {
				if both[2*i] != agent[i] || both[2*i+1] != customer[i] {
					t.Fatalf("sample %d is %d %d, want %d %d", i, both[2*i], both[2*i+1], agent[i], customer[i])
				}
			}
		})
	}
}

func TestDamagedDecodes(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	events := cut(cut(agentSender().events(a, 300, 0), 200, 250), 50, 52)
	o := record(t, twoTracks, 6*time.Second, events, customerSender().events(c, 300, 0))
	both := decode(t, o.file(1))
	if len(both) != 2*(300*slot-312) {
		t.Fatalf("%d samples", len(both))
	}
	whole := decode(t, record(t, twoTracks[1:], 6*time.Second, customerSender().events(c, 300, 0)).file(1))
	for i := range whole {
		if both[2*i+1] != whole[i] {
			t.Fatalf("the damage of one side reaches the other at sample %d", i)
		}
	}
	for i := 205*slot + 4800; i < 249*slot; i++ {
		if v := both[2*i]; v > 50 || v < -50 {
			t.Fatalf("sample %d in a gap is %d", i, v)
		}
	}
}

func TestDecodesG711(t *testing.T) {
	tone := g711Packets(50, 160, 3)
	s := agentSender()
	s.ticks = 160
	o := record(t, []Track{{Side: earshot.SideAgent, Codec: earshot.PCMA, Channels: 1}}, time.Second, s.events(tone, 50, 0))
	if pcm := decode(t, o.file(1)); len(pcm) < 47_900 || len(pcm) > 48_100 {
		t.Errorf("%d samples", len(pcm))
	}
}
