import { Problem } from "@/api";
import { isText, t } from "@/i18n";

/** A sentence for a person about whatever went wrong. */
export function sayProblem(err: unknown): string {
  if (!(err instanceof Problem))
    return t("errors.unexpected", { code: err instanceof Error ? err.message : "?" });
  const key = `errors.${err.code}`;
  if (isText(key)) return t(key, { n: err.retryAfterSeconds || 60 });
  return err.detail || t("errors.unexpected", { code: err.code });
}
