// Package g711 codes and decodes G.711, µ-law and A-law, by table. It starts
// no goroutine.
package g711

// Silence as each law writes it.
const (
	SilenceULaw byte = 0xFF
	SilenceALaw byte = 0xD5
)

var (
	fromULaw, fromALaw [256]int16
	toULaw             [1 << 14]byte // by the upper 14 bits of a sample
	toALaw             [1 << 13]byte // by the upper 13 bits of a sample
)

func init() {
	for i := range 256 {
		fromULaw[i] = expandULaw(byte(i))
		fromALaw[i] = expandALaw(byte(i))
	}
	for i := range toULaw {
		toULaw[i] = compressULaw(int16(i << 2))
	}
	for i := range toALaw {
		toALaw[i] = compressALaw(int16(i << 3))
	}
}

// ULaw is the sample of a µ-law byte.
func ULaw(b byte) int16 { return fromULaw[b] }

// ALaw is the sample of an A-law byte.
func ALaw(b byte) int16 { return fromALaw[b] }

// ToULaw is the µ-law byte of a sample.
func ToULaw(s int16) byte { return toULaw[uint16(s)>>2] }

// ToALaw is the A-law byte of a sample.
func ToALaw(s int16) byte { return toALaw[uint16(s)>>3] }

// DecodeULaw appends the samples of µ-law bytes.
func DecodeULaw(dst []int16, src []byte) []int16 { return decode(dst, src, &fromULaw) }

// DecodeALaw appends the samples of A-law bytes.
func DecodeALaw(dst []int16, src []byte) []int16 { return decode(dst, src, &fromALaw) }

func decode(dst []int16, src []byte, table *[256]int16) []int16 {
	for _, b := range src {
		dst = append(dst, table[b])
	}
	return dst
}

// EncodeULaw appends the µ-law bytes of samples.
func EncodeULaw(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, ToULaw(s))
	}
	return dst
}

// EncodeALaw appends the A-law bytes of samples.
func EncodeALaw(dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, ToALaw(s))
	}
	return dst
}

const (
	ulawBias = 33 // on 14 bits
	ulawClip = 8158
)

func expandULaw(b byte) int16 {
	b = ^b
	magnitude := (int16(b&15)<<1+ulawBias)<<(b>>4&7) - ulawBias
	if b&0x80 != 0 {
		return -magnitude << 2
	}
	return magnitude << 2
}

func compressULaw(s int16) byte {
	magnitude, sign := int(s>>2), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	magnitude = min(magnitude, ulawClip) + ulawBias
	exponent := 7
	for magnitude < 0x20<<exponent {
		exponent--
	}
	return ^(sign | byte(exponent)<<4 | byte(magnitude>>(exponent+1)&15))
}

func expandALaw(b byte) int16 {
	b ^= 0x55
	mantissa, exponent := int16(b&15)<<4+8, b>>4&7
	if exponent > 0 {
		mantissa = (mantissa + 0x100) << (exponent - 1)
	}
	if b&0x80 == 0 {
		return -mantissa
	}
	return mantissa
}

func compressALaw(s int16) byte {
	magnitude, sign := int(s>>3), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = -magnitude-1, 0
	}
	exponent := 0
	for magnitude >= 0x20<<exponent && exponent < 7 {
		exponent++
	}
	mantissa := magnitude >> 1
	if exponent > 1 {
		mantissa = magnitude >> exponent
	}
	return (sign | byte(exponent)<<4 | byte(mantissa&15)) ^ 0x55
}
