package monitor

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
)

// The root's types know nothing of huma; what their schemas need beyond the
// types is said here: values of enumerations, what may be null, and the two
// WebSocket nouns that no operation mentions.

// enumerated stands for a string type whose values are those of its array.
type enumerated[V interface{ values() []any }] struct{}

// Schema is a string of the enumeration's values.
func (enumerated[V]) Schema(huma.Registry) *huma.Schema {
	var v V
	return &huma.Schema{Type: huma.TypeString, Enum: v.values()}
}

type (
	roles      struct{}
	actions    struct{}
	seatKinds  struct{}
	cuts       struct{}
	directions struct{}
	callStates struct{}
	flags      struct{}
	causes     struct{}
	markKinds  struct{}
	sides      struct{}
	codecs     struct{}
	tracks     struct{}
	seatStates struct{}
	attentions struct{}
	eventKinds struct{}
	alarmCodes struct{}

	captureKinds struct{}
	soundResults struct{}
)

func listed[T ~string](values ...T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

func (roles) values() []any     { return listed(earshot.Roles...) }
func (actions) values() []any   { return listed(earshot.Actions...) }
func (seatKinds) values() []any { return listed(earshot.Counter, earshot.Hotline) }
func (cuts) values() []any {
	return listed(earshot.CutSession, earshot.CutEvent, earshot.CutVoice)
}
func (directions) values() []any {
	return listed(earshot.Inbound, earshot.Outbound, earshot.NoDirection)
}
func (callStates) values() []any {
	return listed(earshot.CallLive, earshot.CallStored, earshot.CallDeleted)
}
func (captureKinds) values() []any { return listed(earshot.CaptureKinds...) }
func (soundResults) values() []any {
	return listed(append([]earshot.SoundResult{""}, earshot.SoundResults...)...)
}
func (flags) values() []any {
	return listed(earshot.FlagSilence, earshot.FlagOvertalk, earshot.FlagLoud, earshot.FlagOneSided, earshot.FlagGaps,
		earshot.FlagInterrupted, earshot.FlagLong, earshot.FlagShort, earshot.FlagDamaged)
}
func (causes) values() []any {
	return listed(earshot.CauseLost, earshot.CauseStalled, earshot.CauseDrift, earshot.CauseMuted, earshot.CausePaused,
		earshot.CauseDisconnected, earshot.CauseOverflow, earshot.CauseRecorderDown, earshot.CauseDamaged)
}
func (markKinds) values() []any {
	return listed(earshot.MarkBookmark, earshot.MarkNote, earshot.MarkListen, earshot.MarkWhisper, earshot.MarkPause, earshot.MarkClock,
		earshot.MarkSilence, earshot.MarkOvertalk, earshot.MarkLoud, earshot.MarkOneSided)
}
func (sides) values() []any { return listed(earshot.SideAgent, earshot.SideCustomer, "") }
func (codecs) values() []any {
	return listed(earshot.Opus, earshot.PCMU, earshot.PCMA, earshot.MP3, earshot.PCM, earshot.ADPCM, earshot.GSM)
}
func (tracks) values() []any {
	return listed(earshot.TrackBoth, earshot.TrackSwapped, earshot.TrackAgent, earshot.TrackCustomer, earshot.TrackMixed, earshot.TrackHelper)
}
func (seatStates) values() []any {
	return listed(earshot.SeatOffline, earshot.SeatIdle, earshot.SeatOnCall, earshot.SeatPaused, earshot.SeatFaulty, earshot.SeatUnknown)
}
func (attentions) values() []any {
	return listed("", earshot.AttentionNodeLost, earshot.AttentionDisconnected, earshot.AttentionStalled, earshot.AttentionTakeover,
		earshot.AttentionRefused, earshot.AttentionOverflow, earshot.AttentionPoorLink, earshot.AttentionDeadMic, earshot.AttentionBleed, earshot.AttentionSilent)
}
func (alarmCodes) values() []any { return listed(earshot.AlarmCodes...) }
func (eventKinds) values() []any {
	return listed(earshot.EventSeat, earshot.EventCall, earshot.EventRoster, earshot.EventNode)
}

// timeSchema stands for earshot.Time.
type timeSchema struct{}

// Schema is an RFC 3339 time.
func (timeSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

func aliasSchemas(r huma.Registry) {
	for _, alias := range []struct{ is, as any }{
		{earshot.Time{}, timeSchema{}},
		{huma.ErrorModel{}, Problem{}},
		{earshot.Role(""), enumerated[roles]{}},
		{earshot.Action(""), enumerated[actions]{}},
		{earshot.SeatKind(""), enumerated[seatKinds]{}},
		{earshot.Cut(""), enumerated[cuts]{}},
		{earshot.Direction(""), enumerated[directions]{}},
		{earshot.CallState(""), enumerated[callStates]{}},
		{earshot.Flag(""), enumerated[flags]{}},
		{earshot.Cause(""), enumerated[causes]{}},
		{earshot.MarkKind(""), enumerated[markKinds]{}},
		{earshot.Side(""), enumerated[sides]{}},
		{earshot.Codec(""), enumerated[codecs]{}},
		{earshot.TrackKind(""), enumerated[tracks]{}},
		{earshot.SeatState(""), enumerated[seatStates]{}},
		{earshot.Attention(""), enumerated[attentions]{}},
		{earshot.EventKind(""), enumerated[eventKinds]{}},
		{earshot.CaptureKind(""), enumerated[captureKinds]{}},
		{earshot.SoundResult(""), enumerated[soundResults]{}},
		{earshot.AlarmCode(""), enumerated[alarmCodes]{}},
	} {
		r.RegisterTypeAlias(reflect.TypeOf(alias.is), reflect.TypeOf(alias.as))
	}
	// What the WebSockets send has no operation of its own.
	r.Schema(reflect.TypeFor[earshot.LiveSeat](), true, "")
	r.Schema(reflect.TypeFor[earshot.LiveNode](), true, "")
	r.Schema(reflect.TypeFor[earshot.Event](), true, "")
}

// nullable are the fields that are null where there is nothing.
var nullable = map[string][]string{
	"Call":     {"agent", "endedAt"},
	"LiveSeat": {"agent", "call", "since"},

	"CaptureRow": {"soundCheck"},

	"Hold":         {"from", "to", "until", "releasedAt"},
	"NewHold":      {"from", "to", "until"},
	"Import":       {"startedAt", "endedAt"},
	"ImportFile":   {"modifiedAt"},
	"ImportFacts":  {"startedAt"},
	"RetentionRun": {"endedAt"},
	"LedgerState":  {"signedAt"},
	"LedgerKey":    {"until"},
	"WitnessState": {"at"},
}

// tidySchemas says what may be null, and that no list ever is. It runs after all
// operations are entered.
func tidySchemas(api *huma.OpenAPI) {
	schemas := api.Components.Schemas.Map()
	for _, schema := range schemas {
		for _, field := range schema.Properties {
			noNullLists(field)
		}
	}
	for _, item := range api.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				noNullLists(p.Schema)
			}
		}
	}
	for name, fields := range nullable {
		for _, field := range fields {
			orNull(schemas[name].Properties, field)
		}
	}
}

func noNullLists(s *huma.Schema) {
	for ; s != nil; s = s.Items {
		if s.Type == huma.TypeArray {
			s.Nullable = false
		}
	}
}

func orNull(fields map[string]*huma.Schema, name string) {
	field := fields[name]
	if field.Ref == "" {
		field.Nullable = true
		return
	}
	fields[name] = &huma.Schema{Description: field.Description,
		AnyOf: []*huma.Schema{{Ref: field.Ref}, {Type: "null"}}}
}
