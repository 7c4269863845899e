package recorder

// fitter brings a track's payloads into units.
type fitter interface {
	// measure is a payload's length in samples; false: it is not of the codec.
	measure(payload []byte) (int64, bool)
	// quantum is what a hole before a payload of n samples is a multiple of.
	quantum(n int64) int64
	// put adds a payload of n samples at the lane's tail.
	put(l *lane, payload []byte, n int64, level, right uint8)
	// skip adds n samples without audio there.
	skip(l *lane, n int64, level uint8)
	// gathered is how much of a unit waits to be completed.
	gathered() int64
	// flush completes such a unit with nothing.
	flush(l *lane)
	clone() fitter
	// state shows the fitter's fields.
	state(c *coder)
}
