import { t } from "@/i18n";
import { crossed, sayCrossed } from "./bounds";
import { type Filters, noFilters, talkKeys } from "./filters";

// The filters that are figures, as people type them: percent and seconds, where
// an address has per mille and ms. What is no figure is said, not left out.

export const lengthKeys = ["shortest", "longest"] as const;
const figureKeys = [...lengthKeys, ...talkKeys] as const;
export type FigureKey = (typeof figureKeys)[number];
export type Figures = Record<FigureKey, string>;

interface Form {
  /** So many of the address's in one of people's. */
  scale: number;
  /** Behind the point. */
  digits: number;
  most: number;
}
const share: Form = { scale: 10, digits: 1, most: 100 };
const whole: Form = { scale: 1, digits: 0, most: 999_999 };
const forms: Record<FigureKey, Form> = {
  ...{ shortest: whole, longest: whole, minInterruptions: whole },
  ...{ minSilenceShare: share, maxSilenceShare: share, minAgentShare: share, maxAgentShare: share },
  minOvertalkShare: share,
  minMonologueMs: { scale: 1000, digits: 3, most: 99_999 },
};

const each = (of: (key: FigureKey) => string): Figures =>
  Object.fromEntries(figureKeys.map((key) => [key, of(key)])) as Figures;

/** What stands behind a figure. */
export function unitOf(key: FigureKey): string {
  if (forms[key] === share) return "%";
  return t(key === "minInterruptions" ? "archive.timesUnit" : "archive.secondsUnit");
}

/** The figures of filters, to be typed over. */
export const typedOf = (filters: Filters): Figures =>
  each((key) => (filters[key] ? String(Number(filters[key]) / forms[key].scale) : ""));

/** As a Chinese keyboard may write them, and with blanks around. */
const plain = (typed: string) => typed.normalize("NFKC").trim();

/** What was typed, as an address has it; only of figures that are right. */
export const writtenOf = (typed: Figures): Figures =>
  each((key) => {
    const figure = plain(typed[key]);
    return figure && String(Math.round(Number(figure) * forms[key].scale));
  });

function misformed(typed: string, { digits, most }: Form): string {
  const figure = plain(typed);
  const form = digits ? new RegExp(`^\\d+(\\.\\d{1,${digits}})?$`) : /^\d+$/;
  if (!figure || (form.test(figure) && Number(figure) <= most)) return "";
  return t(digits ? "archive.figure.number" : "archive.figure.whole", { most });
}

/** What is wrong with figures, in words; right ones are not in it. */
export function wrongIn(typed: Figures): Partial<Figures> {
  const wrong: Partial<Figures> = {};
  for (const key of figureKeys) {
    const said = misformed(typed[key], forms[key]);
    if (said) wrong[key] = said;
  }
  const right = each((key) => (wrong[key] ? "" : typed[key]));
  for (const pair of crossed({ ...noFilters(), ...writtenOf(right) }))
    wrong[pair[1] as FigureKey] = sayCrossed(pair);
  return wrong;
}
