import type { Thresholds, ThresholdsByKind } from "@/api/analysis";
import type { TextKey } from "@/i18n";

/** How a threshold is shown: what is kept, divided by `per`, with its unit. */
export interface Field {
  name: keyof Thresholds;
  unit: TextKey;
  per: number;
  step: number;
  least: number;
  most: number;
}

const seconds = (name: keyof Thresholds, least: number, most: number, step = 1): Field => ({
  name,
  unit: "analysis.seconds",
  per: 1000,
  step,
  least,
  most,
});
const decibels = (name: keyof Thresholds, unit: TextKey, least: number, most: number): Field => ({
  name,
  unit,
  per: 1,
  step: 1,
  least,
  most,
});

/** What alerts, and below it what a threshold of it needs besides. */
export const groups: { title: TextKey; lead: TextKey; fields: Field[] }[] = [
  {
    title: "analysis.groups.speech",
    lead: "analysis.leads.speech",
    fields: [decibels("speechDbov", "analysis.dbov", -70, -20)],
  },
  { title: "words.flag.silence", lead: "analysis.leads.silence", fields: [seconds("silenceMs", 3, 3600)] },
  {
    title: "words.flag.overtalk",
    lead: "analysis.leads.overtalk",
    fields: [seconds("overtalkMs", 1, 3600, 0.5)],
  },
  {
    title: "words.flag.loud",
    lead: "analysis.leads.loud",
    fields: [
      decibels("loudDb", "analysis.db", 3, 40),
      decibels("loudDbov", "analysis.dbov", -40, -1),
      seconds("loudMs", 0.3, 3600, 0.1),
    ],
  },
  {
    title: "words.flag.one_sided",
    lead: "analysis.leads.oneSided",
    fields: [seconds("oneSidedMs", 1, 3600)],
  },
  { title: "words.flag.gaps", lead: "analysis.leads.gaps", fields: [seconds("gapsMs", 0, 3600, 0.1)] },
  {
    title: "analysis.groups.length",
    lead: "analysis.leads.length",
    fields: [
      seconds("shortMs", 0, 3600),
      { ...seconds("longMs", 1, 240), unit: "analysis.minutes", per: 60_000 },
    ],
  },
];

export const kinds = ["counter", "hotline"] as const;

export const copyOf = (t: ThresholdsByKind): ThresholdsByKind => ({
  counter: { ...t.counter },
  hotline: { ...t.hotline },
});

export const sameThresholds = (a: ThresholdsByKind, b: ThresholdsByKind): boolean =>
  kinds.every((kind) => groups.every((g) => g.fields.every((f) => a[kind][f.name] === b[kind][f.name])));
