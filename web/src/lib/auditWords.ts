import { isText, t } from "@/i18n";
import { dateTime } from "./format";

// What rows of the audit say to people: our own words in the reader's language,
// theirs as they are.

export function actionText(action: string): string {
  const key = `admin.audit.actions.${action}`;
  return isText(key) ? t(key) : action;
}

/**
 * A reason in words: codes and what follows them, as the server writes them for
 * an action. What is none of ours is shown as it is.
 */
export function reasonText(reason: string, action = ""): string {
  const here = /^(.+), by command line$/.exec(reason)?.[1];
  if (here) return t("admin.audit.byCommand", { what: reasonText(here, action) });
  const heard = /^heard (\d+(?:\.\d+)?) s$/.exec(reason)?.[1];
  if (heard) return t("admin.audit.heard", { time: t("archive.callPage.seconds", { n: heard }) });
  const part = /^part (\d+)$/.exec(reason)?.[1];
  if (part) return t("admin.audit.partPlayed", { n: part });
  const done = thresholdsText(reason) ?? (action === "analyse" ? runText(reason) : null);
  if (done !== null) return done;
  if (action === "denied") return t("admin.audit.operation", { op: reason });
  if (action === "update" || action === "delete") {
    const said = markText(reason) ?? (action === "update" ? (agentText(reason) ?? fieldsText(reason)) : null);
    if (said !== null) return said;
  }
  for (const key of [`errors.${reason}`, `admin.audit.reasons.${reason}`, `words.role.${reason}`])
    if (isText(key)) return t(key);
  return pairsText(reason);
}

const nameOf = (field: string): string | null => {
  const key = `admin.audit.fields.${field}`;
  return isText(key) ? t(key) : null;
};

/** "mark note: text endMs": which kind of mark, and what of it was changed. */
function markText(reason: string): string | null {
  const [, kind, fields] = /^mark ([a-z_]+)(?:: (.*))?$/.exec(reason) ?? [];
  const key = `archive.callPage.markKind.${kind}`;
  if (!kind || !isText(key)) return null;
  return [t(key), fields ? (fieldsText(fields) ?? fields) : ""].filter(Boolean).join(" · ");
}

/** "agent 1001": who sits at the seat now, if anybody. */
function agentText(reason: string): string | null {
  const [, id] = /^agent( .*|)$/.exec(reason) ?? [];
  if (id === undefined) return null;
  return id.trim() ? t("admin.audit.agentIs", { id: id.trim() }) : t("admin.audit.agentGone");
}

/** "hotline.silenceMs=30000>45000 …": which thresholds were set, from what to what. */
function thresholdsText(reason: string): string | null {
  const said = reason.split(" ").map((one) => {
    const [, kind, field, was, is] = /^(counter|hotline)\.([a-zA-Z]+)=(-?\d+)>(-?\d+)$/.exec(one) ?? [];
    const key = `analysis.fields.${field}`;
    if (!kind || !isText(key)) return null;
    const figure = (n: string | undefined) =>
      field?.endsWith("Ms")
        ? `${Number(n) / 1000} ${t("analysis.seconds")}`
        : `${n} ${t(field?.endsWith("Dbov") ? "analysis.dbov" : "analysis.db")}`;
    const what = `${t(kind === "counter" ? "words.kind.counter" : "words.kind.hotline")} ${t(key)}`;
    return `${what} ${figure(was)} → ${figure(is)}`;
  });
  return said.includes(null) ? null : said.join(t("admin.audit.comma"));
}

/** "from=… to=… all=false": which calls were judged anew. */
function runText(reason: string): string | null {
  const said = new Map(reason.split(" ").map((pair) => pair.split("=", 2) as [string, string]));
  if (!said.has("all")) return null;
  const which = t(said.get("all") === "true" ? "admin.audit.judgedAll" : "admin.audit.judgedOlder");
  const [from, to] = [said.get("from"), said.get("to")];
  if (!from && !to) return which;
  const span = { from: from ? dateTime(from) : "", to: to ? dateTime(to) : "" };
  return `${which} · ${t("admin.audit.span", span).trim()}`;
}

/** "number rating tags": what was changed. */
function fieldsText(reason: string): string | null {
  const names = reason.split(" ").map(nameOf);
  return names.includes(null)
    ? null
    : t("admin.audit.changed", { fields: names.join(t("admin.audit.comma")) });
}

/** "keepDays=30 kind=…": fields with what they are now. */
const pairsText = (reason: string): string =>
  reason.replace(/(^| )([a-zA-Z]+)(?==)/g, (all, before: string, field: string) => {
    const name = nameOf(field);
    return name === null ? all : before + name;
  });
