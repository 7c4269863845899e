import { t } from "@/i18n";
import { chipText, type Names } from "./chipText";
import { filterKeys } from "./filters";

// What the audit keeps of an exported list, "xlsx: flag=loud&minMs=60000", in the
// words that its filters had on the page.

const formats = new Map([
  ["csv", "CSV"],
  ["xlsx", "Excel"],
]);

/** The export in words; null where it is none of ours. */
export function exportText(reason: string, names: Names): string | null {
  const [, format = "", asked = ""] = /^(\w+): (.*)$/s.exec(reason) ?? [];
  const name = formats.get(format);
  if (!name) return null;
  const said = asked ? filtersText(asked, names) : t("archive.export.whole");
  return said === null ? null : `${name} · ${said}`;
}

function filtersText(asked: string, names: Names): string | null {
  // A long one was cut when it was written down, wherever that was.
  const cut = asked.endsWith("…");
  const filters = filtersIn(cut ? asked.slice(0, Math.max(0, asked.lastIndexOf("&"))) : asked);
  if (filters === null) return null;
  // They were written down by their letters.
  filters.sort((a, b) => filterKeys.indexOf(a.key) - filterKeys.indexOf(b.key));
  return [...filters.map((f) => filterText(f, names)), ...(cut ? ["…"] : [])].join(" · ");
}

interface Filter {
  key: (typeof filterKeys)[number];
  value: string;
}

/** The filters of a text. They stand unescaped: what is no filter belongs to the value before it. */
function filtersIn(asked: string): Filter[] | null {
  const found: Filter[] = [];
  for (const text of asked.split("&")) {
    const [, name = "", value = ""] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    const filter = filterOf(name, value);
    const last = found.at(-1);
    if (filter) found.push(filter);
    else if (last) last.value += `&${text}`;
    else return null;
  }
  return found;
}

/** A filter as the page has it; undefined where nothing is called so. */
function filterOf(name: string, value: string): Filter | undefined {
  if (name === "minMs") return { key: "shortest", value: secondsOf(Number(value)) };
  if (name === "maxMs") return { key: "longest", value: secondsOf(Number(value)) };
  const key = filterKeys.find((k) => k === name);
  return key && { key, value: key === "held" && value === "true" ? "yes" : value };
}

/** At most 10 s is asked for as 10999 ms: all of the last second belongs to it. */
const secondsOf = (ms: number): string => String(ms % 1000 === 999 ? Math.floor(ms / 1000) : ms / 1000);

const filterText = ({ key, value }: Filter, names: Names): string =>
  key === "q" ? t("archive.chip", { name: t("words.search"), value }) : chipText({ key, value }, names);
