package earshot_test

import (
	"testing"

	"earshot"
)

func TestNumbers(t *testing.T) {
	for _, row := range []struct{ written, plain, sought string }{
		{"13800138000", "13800138000", "13800138000"},
		{"138 0013 8000", "13800138000", "13800138000"},
		{"138-0013-8000", "13800138000", "13800138000"},
		{"(0755) 1234-5678", "075512345678", "075512345678"},
		{"（0755）12345678", "075512345678", "075512345678"},
		{"１３８００１３８０００", "13800138000", "13800138000"},
		{" +86 138 0013 8000 ", "+8613800138000", "13800138000"},
		{"0086-13800138000", "008613800138000", "13800138000"},
		{"+1 202 555 0123", "+12025550123", "+12025550123"},
		{"8000", "8000", "8000"},
		{"+86", "+86", "+86"},
		{"*123#", "*123#", "*123#"},
		{"", "", ""},
		{"未知", "未知", "未知"},
		{"sip:a-b@hall.example", "sip:a-b@hall.example", "sip:a-b@hall.example"},
		{"138****8000", "138****8000", "138****8000"},
		{"-", "-", "-"},
	} {
		if plain := earshot.PlainNumber(row.written); plain != row.plain {
			t.Errorf("plain %q: %q, not %q", row.written, plain, row.plain)
		}
		if sought := earshot.SoughtNumber(row.written); sought != row.sought {
			t.Errorf("sought %q: %q, not %q", row.written, sought, row.sought)
		}
	}
	var call earshot.Call
	said := "0755-1234 5678"
	earshot.CallPatch{Number: &said}.Apply(&call)
	if call.Number != "075512345678" {
		t.Errorf("a call has the number %q", call.Number)
	}
}
