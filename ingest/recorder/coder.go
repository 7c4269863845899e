package recorder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// errState says that a state is not one that this code wrote.
var errState = errors.New("not the state of a recording")

// coder writes the fields it is shown, or reads them: a struct has one method
// that shows them in order, so that the two can never differ. After a failure
// it reads nothing more; err says what was wrong.
type coder struct {
	reading bool
	buf     []byte // written so far; or what is still to be read
	err     error
	seen    map[uintptr]bool // in a test: where the fields lie that were shown
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", errState, fmt.Sprintf(format, args...))
	}
}

// saw notes that a field was shown.
func (c *coder) saw(field any) {
	if c.seen != nil {
		c.seen[reflect.ValueOf(field).Pointer()] = true
	}
}

func (c *coder) varint(v int64) int64 {
	if !c.reading {
		c.buf = binary.AppendVarint(c.buf, v)
		return v
	}
	v, n := binary.Varint(c.buf)
	if n <= 0 {
		c.fail("it ends too early")
		c.buf = nil
		return 0
	}
	c.buf = c.buf[n:]
	return v
}

// num is for whole numbers of any kind.
func num[T ~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](c *coder, v *T) {
	c.saw(v)
	*v = T(c.varint(int64(*v)))
}

func (c *coder) flag(v *bool) {
	c.saw(v)
	n := int64(0)
	if *v {
		n = 1
	}
	*v = c.varint(n) != 0
}

// bytes is for bytes of which nil and none differ.
func (c *coder) bytes(v *[]byte) {
	c.saw(v)
	n := int64(len(*v)) + 1
	if *v == nil {
		n = 0
	}
	n = c.varint(n)
	switch {
	case !c.reading:
		c.buf = append(c.buf, *v...)
	case n == 0:
		*v = nil
	case n < 0 || n-1 > int64(len(c.buf)):
		c.fail("%d bytes where %d are left", n-1, len(c.buf))
		*v = nil
	default:
		*v = append(make([]byte, 0, n-1), c.buf[:n-1]...)
		c.buf = c.buf[n-1:]
	}
}

func text[T ~string](c *coder, v *T) {
	c.saw(v)
	b := []byte(*v)
	c.bytes(&b)
	*v = T(b)
}

// count is how many elements follow; each takes a byte at least.
func (c *coder) count(n int) int {
	got := c.varint(int64(n))
	if c.reading && (got < 0 || got > int64(len(c.buf))) {
		c.fail("%d elements in %d bytes", got, len(c.buf))
		return 0
	}
	return int(got)
}

// list is for elements that show themselves.
func list[T any](c *coder, v *[]T, each func(*T)) {
	c.saw(v)
	n := c.count(len(*v))
	if c.reading {
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		each(&(*v)[i])
	}
}

// present is for what may be missing.
func present[T any](c *coder, v **T, show func(*T)) {
	c.saw(v)
	there := *v != nil
	c.flag(&there)
	if c.reading {
		*v = nil
		if there && c.err == nil {
			*v = new(T)
		}
	}
	if *v != nil {
		show(*v)
	}
}

// table is for maps, in the order of their keys.
func table[K comparable, V any](c *coder, m *map[K]V, order func(a, b K) int, show func(*K, *V)) {
	c.saw(m)
	n := c.count(len(*m))
	if !c.reading {
		for _, k := range slices.SortedFunc(maps.Keys(*m), order) {
			v := (*m)[k]
			show(&k, &v)
		}
		return
	}
	*m = make(map[K]V, n)
	for range n {
		var k K
		var v V
		show(&k, &v)
		(*m)[k] = v
	}
}

// asJSON is for what has a public form that keeps all of it.
func asJSON[T any](c *coder, v *T) {
	c.saw(v)
	var text []byte
	if !c.reading {
		encoded, err := json.Marshal(v)
		if err != nil {
			c.fail("%v", err)
		}
		text = encoded
	}
	if c.bytes(&text); c.reading && c.err == nil {
		if err := json.Unmarshal(text, v); err != nil {
			c.fail("%v", err)
		}
	}
}
