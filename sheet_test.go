package earshot

import "testing"

func TestSheetText(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a=1": "a=1", "=1+1": "'=1+1", "+86": "'+86", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "＝1+1": "'＝1+1",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "旧录音/=1.wav": "旧录音/=1.wav", "'=1": "'=1",
	} {
		if got := SheetText(text); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
