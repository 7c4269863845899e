import type { CaptureFinding, CaptureKind, CaptureRow } from "@/api/capture";
import { t } from "@/i18n";
import { duration } from "@/lib/format";

/** All kinds of finding, the gravest first. */
export const kinds: CaptureKind[] = [
  "missing",
  "unrecorded",
  "damaged",
  "silent",
  "one_sided",
  "gaps",
  "dead_mic",
  "bleed",
  "sound_check",
  "unended",
];

const fields = {
  missing: "missing",
  unrecorded: "unrecorded",
  damaged: "damaged",
  silent: "silent",
  one_sided: "oneSided",
  gaps: "gaps",
  dead_mic: "deadMic",
  bleed: "bleed",
  sound_check: "soundFail",
  unended: "unended",
} as const satisfies Record<CaptureKind, keyof CaptureRow>;

/** How many findings of a kind a row counts. */
export const countOf = (row: CaptureRow, kind: CaptureKind): number => row[fields[kind]];

/** Recordings that are not there at all, against those that want a look. */
export const isGrave = (kind: CaptureKind): boolean => kind === "missing" || kind === "unrecorded";

/** The kinds a row has findings of, the gravest first. */
export const kindsOf = (row: CaptureRow): CaptureKind[] => kinds.filter((k) => countOf(row, k) > 0);

function missing(f: CaptureFinding): string {
  if (f.call && !f.ref) return t("capture.text.missingCall", { of: duration(f.ofMs) });
  if (f.ms > 0) return t("capture.text.missingPart", { got: duration(f.ms), of: duration(f.ofMs) });
  return f.ofMs > 0 ? t("capture.text.missingOf", { of: duration(f.ofMs) }) : t("capture.text.missing");
}

/** What is the matter, in words. */
export function textOf(f: CaptureFinding): string {
  const side = f.side ? t(`words.${f.side}`) : "";
  const times = { ms: duration(f.ms), of: duration(f.ofMs) };
  switch (f.kind) {
    case "missing":
      return missing(f);
    case "damaged":
      return f.file ? t("capture.text.damaged", { file: f.file }) : t("capture.text.damagedMarked");
    case "gaps":
      return t("capture.text.gaps", { side, ...times });
    case "dead_mic":
      return t("capture.text.dead_mic", { side });
    case "sound_check":
      return f.result ? t(`capture.result.${f.result}`) : "";
    default:
      return t(`capture.text.${f.kind}`, times);
  }
}
