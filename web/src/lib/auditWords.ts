import { isText, t } from "@/i18n";

// What rows of the audit say to people: our own words in the reader's language,
// theirs as they are.

export function actionText(action: string): string {
  const key = `admin.audit.actions.${action}`;
  return isText(key) ? t(key) : action;
}

/** A reason is often a code that has words; what has none is shown as it is. */
export function reasonText(reason: string): string {
  const part = /^part (\d+)$/.exec(reason)?.[1];
  if (part) return t("admin.audit.partPlayed", { n: part });
  for (const key of [`errors.${reason}`, `admin.audit.reasons.${reason}`, `words.role.${reason}`])
    if (isText(key)) return t(key);
  return reason;
}
