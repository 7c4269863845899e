#!/usr/bin/env bash
# Measures how fast old recordings are brought in: HOURS (20) of telephone calls of
# five minutes each as MP3 (8 kHz, 16 kbit/s), as A-law WAVE and as MP3 of 44.1 kHz,
# FILES (10,000) small A-law files, and a twentieth as many small MP3 files of 8 kHz,
# for each of which ffmpeg is started. Needs sox, lame and a built bin/earshot. Everything
# lies in a new folder below TMPDIR, which is removed.
#
#	scripts/bench-import.sh
set -euo pipefail
earshot=${EARSHOT:-$(cd "$(dirname "$0")/.." && pwd)/bin/earshot}
hours=${HOURS:-20}
files=${FILES:-10000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir data
"$earshot" serve --data data --http 127.0.0.1:0 --udp 127.0.0.1:0 --demo >/dev/null 2>&1 &
server=$!
until [ -s data/seats.json ] && grep -q demo-counter-1 data/seats.json; do sleep 0.2; done
kill -INT $server && wait $server || true

# A voice-like sound with pauses, five minutes of it.
sox -n -r 8000 -c 1 -b 16 five.wav synth 300 pinknoise tremolo 0.3 90 band 700 900 gain -3
sox five.wav -e a-law alaw.wav
lame --quiet --resample 8 -b 16 -m m five.wav phone.mp3
sox five.wav -r 44100 wide.wav && lame --quiet -b 64 -m m wide.wav wide.mp3
sox five.wav short.wav trim 0 2 && lame --quiet --resample 8 -b 16 -m m short.wav small.mp3
sox short.wav -e a-law small.wav

# many FILE COUNT FOLDER: copies that differ, by what stands behind the audio.
many() {
	mkdir -p "$3"
	for ((i = 0; i < $2; i++)); do
		name=$(printf '%s/demo-counter-1_1001_20160304%02d%02d%02d_%06d.%s' "$3" $((i / 3600 % 24)) $((i / 60 % 60)) $((i % 60)) "$i" "${1##*.}")
		{ cat "$1"; printf 'TAG%-125d' "$i"; } >"$name"
	done
}

# measure NAME FOLDER: the last line of the import, its seconds and its processor time.
measure() {
	TIMEFORMAT='%R s, %U s + %S s of processors'
	echo "$1"
	time "$earshot" import --data data --disk-reserve 1MiB --quiet --pattern '{seat}_{agent}_{start:yyyyMMddHHmmss}_{*}' "$2" | tail -1
}

many phone.mp3 $((hours * 12)) phone
measure "$hours h, MP3 of 8 kHz:" phone
many alaw.wav $((hours * 12)) alaw
measure "$hours h, A-law WAVE:" alaw
many wide.mp3 $((hours * 12)) wide
measure "$hours h, MP3 of 44.1 kHz:" wide
many small.wav "$files" small
measure "$files files of 2 s, A-law WAVE:" small
measure "the same again:" small
many small.mp3 $((files / 20)) tiny
measure "$((files / 20)) files of 2 s, MP3 of 8 kHz:" tiny
"$earshot" verify --data data | tail -1
