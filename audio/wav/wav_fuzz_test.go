package wav

import (
	"bytes"
	"testing"
)

// FuzzInfo reads any header: what it says can be lived with, and a header
// written of it says the same.
func FuzzInfo(f *testing.F) {
	f.Add(AppendHeader(nil, ALaw, 2, 4))
	f.Add(chunks("fmt ", pcm16, "data", "\x01\x00\x02\x00"))
	ds64 := "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x00\x00\x00\x00\x00\x00"
	f.Add(append([]byte("RF64\xff\xff\xff\xffWAVEds64\x18\x00\x00\x00"+ds64+"fmt \x10\x00\x00\x00"+pcm16), "data\xff\xff\xff\xff"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if r.DataOffset > int64(len(b)) || r.FrameBytes() < 1 || r.DataBytes < -1 || r.Duration() < 0 {
			t.Fatalf("%+v, %d bytes a frame, %v long", r.Info, r.FrameBytes(), r.Duration())
		}
		if r.DataBytes < 1 || r.DataBytes > MaxDataBytes-1 {
			return
		}
		again, err := NewReader(bytes.NewReader(AppendHeaderOf(nil, r.Info, r.DataBytes)))
		if err != nil {
			t.Fatal(err)
		}
		want := r.Info
		want.DataOffset = HeaderBytes
		if again.Info != want {
			t.Fatalf("%+v became %+v", want, again.Info)
		}
	})
}
