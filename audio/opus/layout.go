package opus

// layout is where things lie in a packet. It is a value, so that reading one
// allocates nothing.
type layout struct {
	count     int
	vbr       bool
	sizes     [MaxFrames]uint16
	lastWidth int // bytes that say the last frame's size; 0 unless self-delimited
	start     int // where the first frame begins
	padding   int // bytes after the last frame
	end       int // where the packet ends
}

// read finds a packet's layout. A self-delimited packet may be followed by
// others; any other packet ends where the bytes end.
func (l *layout) read(p []byte, selfDelimited bool) error {
	samples, err := Samples(p)
	if err != nil {
		return err
	}
	l.count = samples / FrameSamples(p[0])
	l.start = 1
	l.vbr = p[0]&3 == 2
	if p[0]&3 == 3 {
		l.vbr = p[1]&0x80 != 0
		l.start = 2
		if p[1]&0x40 != 0 {
			if err := l.readPadding(p); err != nil {
				return err
			}
		}
	}
	if l.vbr {
		for i := range l.count - 1 {
			if _, err := l.readSize(p, i); err != nil {
				return err
			}
		}
	}
	if selfDelimited {
		return l.readLast(p)
	}
	return l.inferLast(p)
}

// readPadding reads how many bytes of padding follow the frames.
func (l *layout) readPadding(p []byte) error {
	for {
		if l.start >= len(p) {
			return errShort
		}
		b := p[l.start]
		l.start++
		if b < 255 {
			l.padding += int(b)
			return nil
		}
		l.padding += 254
	}
}

// readSize reads the size of frame i at start and answers in how many bytes it
// is written.
func (l *layout) readSize(p []byte, i int) (int, error) {
	if l.start >= len(p) {
		return 0, errShort
	}
	b := p[l.start]
	if b < 252 {
		l.sizes[i] = uint16(b)
		l.start++
		return 1, nil
	}
	if l.start+1 >= len(p) {
		return 0, errShort
	}
	l.sizes[i] = uint16(p[l.start+1])*4 + uint16(b)
	l.start += 2
	return 2, nil
}

// readLast reads the size that only self-delimited packets write down.
func (l *layout) readLast(p []byte) error {
	width, err := l.readSize(p, l.count-1)
	if err != nil {
		return err
	}
	l.lastWidth = width
	if !l.vbr {
		l.fill(l.sizes[l.count-1])
	}
	l.end = l.start + l.frameBytes() + l.padding
	if l.end > len(p) {
		return errShort
	}
	return nil
}

// inferLast gives the last frame, or all frames of equal size, what is left.
func (l *layout) inferLast(p []byte) error {
	l.end = len(p)
	left := len(p) - l.start - l.padding
	if left < 0 {
		return errShort
	}
	if l.vbr {
		left -= l.frameBytes()
		if left < 0 {
			return errShort
		}
		if left > MaxFrameBytes {
			return errFrameSize
		}
		l.sizes[l.count-1] = uint16(left)
		return nil
	}
	if left%l.count != 0 {
		return errUnequal
	}
	if left/l.count > MaxFrameBytes {
		return errFrameSize
	}
	l.fill(uint16(left / l.count))
	return nil
}

func (l *layout) fill(size uint16) {
	for i := range l.count {
		l.sizes[i] = size
	}
}

// frameBytes is the sum of the sizes known so far.
func (l *layout) frameBytes() int {
	n := 0
	for _, s := range l.sizes[:l.count] {
		n += int(s)
	}
	return n
}

// appendSize writes a frame's size as RFC 6716 section 3.2.1 does.
func appendSize(dst []byte, size int) []byte {
	if size < 252 {
		return append(dst, byte(size))
	}
	low := 252 + size&3
	return append(dst, byte(low), byte((size-low)/4))
}
