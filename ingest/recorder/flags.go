package recorder

import "earshot"

// Flags are the flags that a call's levels, gaps and length call for by the usual
// thresholds. Whoever stores the call judges it by those that people set.
func Flags(call earshot.Call, levels earshot.Levels) []earshot.Flag {
	call.Flags = nil
	call.Judge(levels, earshot.DefaultThresholds().Of(call.Kind))
	return call.Flags
}
