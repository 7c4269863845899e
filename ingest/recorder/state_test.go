package recorder

import (
	"reflect"
	"testing"
	"time"

	"earshot"
)

const eachByItself = "its elements each by themselves"

// Fields that no state needs, and why not.
var stateless = map[string]string{
	"Recording.earlier": "read from the files of earlier parts",
	"Recording.failed":  "told to nobody any more",
	"desk.files":        "given anew",
	"desk.sealedPart":   "given anew",
	"results.mu":        "a lock",
	"results.sealing":   "nothing is being sealed in a state",
	"take.desk":         "the recording's",
	"part.desk":         "the recording's",
	"part.limit":        "only of snapshots",
	"part.row":          "empty between calls",
	"part.steps":        "settled ones from the levels file, the rest as rest",
	"part.rest":         "only while a state is read",
	"part.left":         "made of the files' states",
	"part.lanes":        "which of the take's",
	"lane.track":        "shown by the take",
	"lane.sides":        "made of the track",
	"lane.gaps":         "the recording's",
	"lane.stats":        "the recording's",
	"lane.spare":        "memory only",
	"lane.meter":        "begins anew at every state",
	"opusFit.scratch":   "memory only",
	"g711Fit.frame":     "made of the track",
	"g711Fit.silence":   "made of the track",
	"oggMuxer.head":     "in the file already",
	"oggMuxer.tags":     "in the file already",
	"oggMuxer.w":        "ogg.Writer's own state",
	"oggMuxer.scratch":  "memory only",
	"wavMuxer.encoding": "made of the codec",
	"wavMuxer.silence":  "made of the codec",
	"wavMuxer.channels": "made of the part",
	"units.list":        eachByItself,
	"units.head":        "without what was taken",
	"take.lanes":        eachByItself,
	"desk.results":      eachByItself,
	"part.file":         "as its state",
	"part.levels":       "as its state",
}

// full is a recording in which nothing is empty.
func full(t *testing.T, codec earshot.Codec) *Recording {
	t.Helper()
	a, c := fixture(t, "agent"), fixture(t, "customer")
	if codec != earshot.Opus {
		a, c = ulaw(20), ulaw(20)
	}
	tracks := []Track{{Side: earshot.SideAgent, Codec: codec, Channels: 1}, {Side: earshot.SideCustomer, Codec: codec, Channels: 1}}
	o := begin(t, Options{})
	if err := o.r.Open(start, tracks); err != nil {
		t.Fatal(err)
	}
	said, heard := agentSender().events(a, 200, 0), customerSender().events(c, 200, 0)
	o.play(3*time.Second, said[:100], heard[:90])
	if err := o.r.Open(start.Add(3*time.Second), tracks); err != nil { // a part is done, another begins
		t.Fatal(err)
	}
	o.r.Harm(start.Add(time.Second), start.Add(2*time.Second))
	o.r.Pause(start.Add(3100 * time.Millisecond))
	o.r.Resume(start.Add(3200 * time.Millisecond))
	for _, e := range append(said[160:], heard[170:]...) {
		p := *e.p
		p.Arrival = start.Add(e.at)
		if e.at > 3800*time.Millisecond && p.Seq%7 == 3 || e.at > 3600*time.Millisecond && p.Side == earshot.SideCustomer { // what follows waits for it
			continue
		}
		if err := o.r.Packet(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.r.Advance(start.Add(3900 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	stranger := *said[0].p
	stranger.SSRC, stranger.Arrival = 99, start.Add(3900*time.Millisecond)
	if err := o.r.Packet(stranger); err != nil {
		t.Fatal(err)
	}
	o.shelf.wg.Wait()
	return o.r
}

// TestStateShowsEveryField fails when a struct of a recording gets a field that
// its state method forgets.
func TestStateShowsEveryField(t *testing.T) {
	met := map[string]bool{}
	for _, codec := range []earshot.Codec{earshot.Opus, earshot.PCMU} {
		r := full(t, codec)
		c := coder{seen: map[uintptr]bool{}}
		r.state(&c)
		w := walk{t: t, shown: c.seen, met: met, visited: map[place]bool{}}
		w.value("Recording", reflect.ValueOf(r).Elem())
	}
	for field := range stateless {
		if !met[field] {
			t.Errorf("%s is excused, but there is no such field", field)
		}
	}
	for _, want := range []string{"packet.payload", "unit.data", "source.next", "span.to", "report.ntp", "oggMuxer.page", "wavMuxer.waiting", "clock.base"} {
		if !met[want] {
			t.Errorf("the recording looked at has no %s", want)
		}
	}
}

type walk struct {
	t       *testing.T
	shown   map[uintptr]bool
	met     map[string]bool
	visited map[place]bool
}

// place is where a struct lies: its first field lies there too.
type place struct {
	of reflect.Type
	at uintptr
}

func (w *walk) value(name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.value(name, v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.value(name, v.Index(i))
		}
	case reflect.Struct:
		w.fields(v)
	}
}

// fields looks at the fields of one of this package's structs.
func (w *walk) fields(v reflect.Value) {
	if v.Type().PkgPath() != reflect.TypeFor[Recording]().PkgPath() || !v.CanAddr() {
		return
	}
	at := place{v.Type(), v.Addr().Pointer()}
	if w.visited[at] {
		return
	}
	w.visited[at] = true
	for i := range v.NumField() {
		name := v.Type().Name() + "." + v.Type().Field(i).Name
		field := v.Field(i)
		w.met[name] = true
		excused := stateless[name] != ""
		if !excused && !w.shown[field.Addr().Pointer()] && plain(field) {
			w.t.Errorf("%s is not in the state, nor is it said why not", name)
		}
		if name == "units.list" { // what lies before the head was taken
			field = field.Slice(int(v.FieldByName("head").Int()), field.Len())
		}
		if !excused || stateless[name] == eachByItself {
			w.value(name, field)
		}
	}
}

// plain says whether a field is a value that must itself be shown; a struct's or
// an array's are its own.
func plain(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		return v.Type().PkgPath() != reflect.TypeFor[Recording]().PkgPath()
	case reflect.Array:
		return plain(reflect.New(v.Type().Elem()).Elem())
	case reflect.Interface:
		return false
	}
	return true
}
