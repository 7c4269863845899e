package earshot_test

import (
	"testing"

	"earshot"
)

func TestSoughtWords(t *testing.T) {
	for said, want := range map[string]string{
		"１３８００１３８０００":         "13800138000",
		"Ｔ－００９９":              "T-0099",
		"T-００９９　漏水":           "T-0099 漏水",
		" 水费  5502 ":          "水费 5502",
		"退费５０元":               "退费５０元",
		"（英语）":                "（英语）",
		"①":                   "①",
		"":                    "",
		"138-0013-8000 王小明　２": "138-0013-8000 王小明 2",
	} {
		if got := earshot.SoughtWords(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
