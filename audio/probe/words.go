package probe

import "sort"

// words are what a code says to people, in Chinese and in English.
type words struct{ chinese, english string }

// Say is what a code of this package, a refusal's or a remark's, says to people;
// false of codes of others.
func Say(code string, chinese bool) (string, bool) {
	w, ok := refusals[code]
	if !ok {
		w, ok = remarks[code]
	}
	if chinese {
		return w.chinese, ok
	}
	return w.english, ok
}

// Refusals are the codes of all reasons why a file is not taken, in order.
func Refusals() []string { return codes(refusals) }

// Remarks are the codes of all that can be remarked of a file, in order.
func Remarks() []string { return codes(remarks) }

func codes(of map[string]words) []string {
	all := make([]string, 0, len(of))
	for code := range of {
		all = append(all, code)
	}
	sort.Strings(all)
	return all
}

var refusals = map[string]words{
	"empty_file":     {"空文件（0 字节）", "the file is empty"},
	"too_short":      {"音频不足 0.1 秒", "the file has less than a tenth of a second of audio"},
	"not_audio":      {"文件里没有认得出的音频", "there is no audio in the file that we know"},
	"looks_crypted":  {"内容完全无法识别：可能是录音机加密的文件，或是压缩文件", "nothing in the file can be told; it is encrypted, as some recorders do, or compressed"},
	"all_zero":       {"文件里全是零：数据从未写到磁盘上", "the file holds nothing but zeros: its disk block was never written"},
	"free_format":    {"自由格式（free format）的 MP3，无法区分各帧", "an MP3 file in free format: its frames cannot be told apart"},
	"damaged_wav":    {"WAV 文件头损坏，无法读取", "a WAVE file whose header cannot be read"},
	"damaged_ogg":    {"Ogg 文件头损坏，无法读取", "an Ogg file whose headers cannot be read"},
	"ogg_channels":   {"超过两个声道的 Opus 文件", "an Opus file of more than two channels"},
	"wav_data_first": {"WAV 文件的数据写在格式说明之前，无法读取", "a WAVE file whose samples come before what says how to read them"},
	"wav_behind_tag": {"WAV 文件头之前有别的内容，播放器也打不开", "a WAVE file with something else before it: players cannot play it either"},
	"wav_g726":       {"G.726 编码的 WAV，浏览器不能播放，请先转换", "a WAVE file with G.726, which no browser plays; convert it first"},
	"wav_g729":       {"G.729 编码的 WAV，浏览器不能播放，请先转换", "a WAVE file with G.729, which no browser plays; convert it first"},
	"wav_g723":       {"G.723 编码的 WAV，浏览器不能播放，请先转换", "a WAVE file with G.723, which no browser plays; convert it first"},
	"wav_truespeech": {"TrueSpeech 编码的 WAV，浏览器不能播放，请先转换", "a WAVE file with TrueSpeech, which no browser plays; convert it first"},
	"wav_oki":        {"Dialogic ADPCM 编码的 WAV，浏览器不能播放，请先转换", "a WAVE file with Dialogic's ADPCM, which no browser plays; convert it first"},
	"wav_wma":        {"WMA 编码的 WAV，请先转换", "a WAVE file with Windows Media audio; convert it first"},
	"wav_aac":        {"AAC 编码的 WAV，请先转换", "a WAVE file with AAC; convert it first"},
	"wav_other":      {"WAV 文件的编码不认识", "a WAVE file in a coding that we do not know"},
	"is_amr":         {"AMR 文件，请先转成 MP3 或 WAV", "an AMR file; convert it to MP3 or WAV first"},
	"is_wma":         {"WMA 文件，请先转成 MP3 或 WAV", "a Windows Media file; convert it to MP3 or WAV first"},
	"is_m4a":         {"MPEG-4（M4A/MP4）文件，请先转成 MP3 或 WAV", "an MPEG-4 file; convert it to MP3 or WAV first"},
	"is_aac":         {"AAC 文件，请先转成 MP3 或 WAV", "an AAC file; convert it to MP3 or WAV first"},
	"is_mp2":         {"MPEG 音频第一或第二层（MP2），不是 MP3，请先转换", "MPEG audio of Layer I or II, not an MP3 file; convert it first"},
	"is_vorbis":      {"Ogg Vorbis 文件，请先转成 MP3 或 WAV", "an Ogg Vorbis file; convert it to MP3 or WAV first"},
	"is_speex":       {"Ogg Speex 文件，请先转成 MP3 或 WAV", "an Ogg Speex file; convert it to MP3 or WAV first"},
	"is_flac":        {"FLAC 文件，请先转成 MP3 或 WAV", "a FLAC file; convert it to MP3 or WAV first"},
	"is_silk":        {"SILK 语音消息，请先转成 MP3 或 WAV", "a SILK voice message; convert it to MP3 or WAV first"},
	"is_aiff":        {"AIFF 文件，请先转成 MP3 或 WAV", "an AIFF file; convert it to MP3 or WAV first"},
	"is_au":          {"AU 文件，请先转成 MP3 或 WAV", "a Sun audio file; convert it to MP3 or WAV first"},
	"is_w64":         {"Wave64 文件，请先转成 WAV", "a Wave64 file; convert it to WAV first"},
	"is_matroska":    {"WebM/MKV 文件，请先转成 MP3 或 WAV", "a WebM or Matroska file; convert it to MP3 or WAV first"},
	"is_midi":        {"MIDI 文件：只有乐谱，没有声音", "a MIDI file: notes, not sound"},
	"is_avi":         {"AVI 视频，不是录音", "an AVI film, not a recording"},
	"is_video":       {"视频，不是录音", "a film, not a recording"},
	"is_html":        {"网页（可能是服务器的出错页面），不是录音", "a web page, perhaps a server's error, not a recording"},
	"is_text":        {"文本，不是录音", "a text, not a recording"},
	"is_zip":         {"ZIP 压缩包，请先解压", "a ZIP archive; unpack it first"},
	"is_rar":         {"RAR 压缩包，请先解压", "a RAR archive; unpack it first"},
	"is_7z":          {"7z 压缩包，请先解压", "a 7z archive; unpack it first"},
	"is_gzip":        {"gzip 压缩文件，请先解压", "a gzip archive; unpack it first"},
	"is_pdf":         {"PDF 文档，不是录音", "a PDF document, not a recording"},
	"is_image":       {"图片，不是录音", "a picture, not a recording"},
	"is_office":      {"Office 文档，不是录音", "an Office document, not a recording"},
	"is_program":     {"程序，不是录音", "a program, not a recording"},
	"is_database":    {"数据库文件，不是录音", "a database, not a recording"},
}

var remarks = map[string]words{
	GarbageHead:        {"音频之前有无用数据，已跳过", "there are bytes before the audio that are none; they are passed over"},
	GarbageInside:      {"音频中间有损坏或无用的数据，已跳过", "there are bytes inside that are no audio; they are passed over"},
	GarbageTail:        {"音频之后有无用数据，已忽略", "there are bytes behind the audio that are none; they are left out"},
	Torn:               {"文件不完整，在音频中途结束", "the file is not whole: it ends in the midst of its audio"},
	VBR:                {"可变码率，有的播放器会显示错误的时长", "its bitrate changes: some players misjudge its length"},
	RateChanges:        {"采样率中途改变", "its sample rate changes on the way"},
	Joined:             {"由几个文件首尾拼接而成", "several files were joined into this one"},
	HeaderLies:         {"文件头写的长度不对或没有写，以实际数据为准", "a size in its header is wrong or missing; what is really there counts"},
	BeyondHeader:       {"音频之后还有文件头没有计入的数据，播放器不会播放它们", "behind the audio there are bytes that its header does not count, and players leave out"},
	MP3InWAV:           {"WAV 外壳里的 MP3", "an MP3 file in a WAVE's clothes"},
	NameMisleads:       {"文件名的后缀与内容不符，以内容为准", "its name says that it is something else; what is in it counts"},
	ManyChannels:       {"超过两个声道，只看前两个", "it has more than two channels; the first two count"},
	NoWaveformNoFFmpeg: {"没有波形：需要 ffmpeg 解码，而服务器上没有安装", "no waveform: its levels need ffmpeg, which is not installed here"},
	NoWaveformDamaged:  {"没有波形：音频损坏，无法解码", "no waveform: it is damaged so that nothing can decode it"},
}
