package evidence

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"earshot"
)

// FindingCode says what does not hold.
type FindingCode string

// What a check can find.
const (
	FindingAltered  FindingCode = "altered"   // a file differs from SHA256SUMS
	FindingMissing  FindingCode = "missing"   // a file is not there
	FindingExtra    FindingCode = "extra"     // a file that SHA256SUMS does not list
	FindingTwice    FindingCode = "twice"     // a name that two files have
	FindingName     FindingCode = "name"      // a name that leads out of the package or hides what it is, or no plain file
	FindingKey      FindingCode = "key"       // no readable key
	FindingOtherKey FindingCode = "other_key" // not the key whose fingerprint was given
	FindingHead     FindingCode = "head"      // the head is not signed by the key
	FindingProof    FindingCode = "proof"     // an entry is not in the signed ledger
	FindingFacts    FindingCode = "facts"     // the package says something else than the ledger
	FindingAudio    FindingCode = "audio"     // audio is not what was entered in the ledger
	FindingLost     FindingCode = "lost"      // the archive itself had lost the file
	FindingWitness  FindingCode = "witness"   // a witness's copy does not fit
)

var findingTexts = map[FindingCode][2]string{
	FindingAltered:  {"文件已被改动", "the file has been altered"},
	FindingMissing:  {"文件缺失", "the file is missing"},
	FindingExtra:    {"清单之外的文件", "a file that does not belong to the package"},
	FindingTwice:    {"同名文件出现两次", "two files have this name"},
	FindingName:     {"文件名或类型可疑，请勿解包", "its name leads astray, or it is no plain file: do not unpack it"},
	FindingKey:      {"没有可读的公钥", "there is no readable public key"},
	FindingOtherKey: {"密钥不是您指定的那一把", "the key is not the one you named"},
	FindingHead:     {"账本树头的签名不成立", "the signature of the ledger's head does not hold"},
	FindingProof:    {"登记不在签名的账本里", "its entry does not stand in the signed ledger"},
	FindingFacts:    {"说明与账本的登记不符", "what is said of it differs from the ledger's entry"},
	FindingAudio:    {"录音与登记的不同", "the audio is not what was entered in the ledger"},
	FindingLost:     {"制作时归档中已缺此录音", "the archive had lost this recording when the package was made"},
	FindingWitness:  {"见证方的留存与账本不符", "a witness's copy does not fit the ledger"},
}

// Finding is one thing that does not hold.
type Finding struct {
	Code   FindingCode `json:"code"`
	File   string      `json:"file"`
	Detail string      `json:"detail"`
}

// Text says it in the language zh or en.
func (f Finding) Text(language string) string {
	text := f.File + "：" + findingTexts[f.Code][0]
	if language == "en" {
		text = f.File + ": " + findingTexts[f.Code][1]
	}
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	return text
}

// Report is what a check found.
type Report struct {
	Holds       bool         `json:"holds"`
	Findings    []Finding    `json:"findings"`
	Calls       int          `json:"calls"`
	Proved      int          `json:"proved"`   // files whose entries stand in the ledger
	Whole       int          `json:"whole"`    // of those, complete originals
	Silenced    int          `json:"silenced"` // stretches
	DurationMs  int64        `json:"durationMs"`
	HeadAt      earshot.Time `json:"headAt"` // when the key's holder says the head was signed
	HeadSize    int64        `json:"headSize"`
	Since       earshot.Time `json:"since"`       // since when all of it was known to a witness; zero: no witness
	SinceWhom   string       `json:"sinceWhom"`   // by which witness
	SinceSigned bool         `json:"sinceSigned"` // that is a time-stamp authority's signature; else ask the witness itself
	Fingerprint string       `json:"fingerprint"`
	KeyGiven    bool         `json:"keyGiven"` // a fingerprint was had another way

	unwitnessed bool
}

func (r *Report) add(code FindingCode, file, detail string) {
	r.Findings = append(r.Findings, Finding{code, shown(file), shown(detail)})
}

// shown is text of a package as it may be printed: none of it can move a cursor,
// or begin a line of its own.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > mostShown {
		text = string(runes[:mostShown]) + "…"
	}
	return text
}

// mostShown is how much of a text is shown, in characters.
const mostShown = 300

// prove notes a file whose entry stands in the ledger.
func (r *Report) prove(f PackedFile, since witnessed) {
	r.Proved++
	if f.Whole {
		r.Whole++
	}
	switch {
	case since.at.IsZero():
		r.unwitnessed = true
	case since.at.After(r.Since.Time):
		r.Since, r.SinceWhom, r.SinceSigned = since.at, shown(since.name), since.signed
	}
}

func (r *Report) finish(m *Manifest) {
	r.Calls, r.Silenced = len(m.Calls), len(m.Silenced)
	if r.unwitnessed {
		r.Since, r.SinceWhom = earshot.Time{}, ""
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	r.Holds = len(r.Findings) == 0 && r.Proved > 0
}

// Sentence says in one sentence what holds and what does not, since when, and by
// whose key, in the language zh or en.
func (r *Report) Sentence(language string) string {
	if language == "en" {
		return r.english()
	}
	return r.chinese()
}

// Unproved says in one sentence, in the language zh or en, what no proof hangs on.
func Unproved(language string) string {
	if language == "en" {
		return "Proved are the recordings in audio/ alone: index.html, the mixes, marks, gaps, names, numbers, who listened, and that there is no further recording or call, are what the package's maker says."
	}
	return "得到证明的只有 audio/ 里的录音：index.html、混音、标记、空缺、姓名号码、谁听过，以及没有别的录音或通话，都是制作者所述。"
}

func (r *Report) english() string {
	var s strings.Builder
	if r.Holds {
		fmt.Fprintf(&s, "Everything holds: %d recording(s) of %d call(s), %s, are byte for byte what was entered in the ledger", r.Proved, r.Calls, clockText(r.DurationMs))
	} else {
		fmt.Fprintf(&s, "Not everything holds: %d finding(s) below; %d recording(s) have an entry in the signed ledger", len(r.Findings), r.Proved)
	}
	if r.Silenced > 0 {
		fmt.Fprintf(&s, ", but for %d silenced stretch(es)", r.Silenced)
	}
	if !r.HeadAt.IsZero() {
		if r.Since.IsZero() {
			fmt.Fprintf(&s, ", by the signer's own clock before %s (no witness kept a copy)", r.HeadAt)
		} else {
			fmt.Fprintf(&s, ", unaltered since %s at the latest, as %s", r.Since, r.witnessEn())
		}
	}
	switch {
	case r.Fingerprint == "":
	case r.KeyGiven:
		fmt.Fprintf(&s, "; signed by the key you named, %s.", r.Fingerprint)
	default:
		fmt.Fprintf(&s, "; signed by key %s, which says whose recordings these are only if you had this fingerprint another way.", r.Fingerprint)
	}
	return strings.TrimSuffix(s.String(), ".") + "."
}

func (r *Report) chinese() string {
	var s strings.Builder
	if r.Holds {
		fmt.Fprintf(&s, "全部成立：%d 通电话的 %d 个录音（%s）与账本登记的逐字节相同", r.Calls, r.Proved, clockText(r.DurationMs))
	} else {
		fmt.Fprintf(&s, "有不成立之处：见下列 %d 项；%d 个录音在签名的账本里有登记", len(r.Findings), r.Proved)
	}
	if r.Silenced > 0 {
		fmt.Fprintf(&s, "，另有 %d 段已静音", r.Silenced)
	}
	if !r.HeadAt.IsZero() {
		if r.Since.IsZero() {
			fmt.Fprintf(&s, "，按签名者自己的时钟在 %s 之前登记（没有见证方留存）", r.HeadAt)
		} else {
			fmt.Fprintf(&s, "，最迟自 %s 起未被改动（%s）", r.Since, r.witnessZh())
		}
	}
	switch {
	case r.Fingerprint == "":
	case r.KeyGiven:
		fmt.Fprintf(&s, "；由您指定的密钥 %s 签名", r.Fingerprint)
	default:
		fmt.Fprintf(&s, "；由密钥 %s 签名——只有另行取得过这个指纹，才能说明录音出自谁手", r.Fingerprint)
	}
	return s.String() + "。"
}

func (r *Report) witnessEn() string {
	if r.SinceSigned {
		return "time-stamp authority " + r.SinceWhom + " signed (whether to trust it is for you to say)"
	}
	return "witness " + r.SinceWhom + " should still have on record: ask there"
}

func (r *Report) witnessZh() string {
	if r.SinceSigned {
		return "时间戳机构 " + r.SinceWhom + " 签名；是否信任该机构由您判断"
	}
	return "见证方 " + r.SinceWhom + " 应有留存，可向其核实"
}
