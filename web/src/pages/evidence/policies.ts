import type { Policy } from "@/api";
import { t } from "@/i18n";

/** Which calls a policy is about, in words. */
export function scopeText(policy: Policy, branchName: (id: string) => string): string {
  return [
    policy.branch ? branchName(policy.branch) : t("evidence.retention.anyBranch"),
    policy.kind ? t(`words.kind.${policy.kind}`) : t("evidence.retention.anyKind"),
    policy.business || t("evidence.retention.anyBusiness"),
  ].join(" · ");
}

/** How long they are kept, in words: one that never deletes keeps for good. */
export function ruleText(policy: Policy): string {
  if (!policy.deleteDays) return t("evidence.retention.forever");
  return t("evidence.retention.ruleBoth", {
    keep: policy.keepDays
      ? t("evidence.retention.keep", { n: policy.keepDays })
      : t("evidence.retention.keepNothing"),
    drop: t("evidence.retention.dropAfter", { n: policy.deleteDays }),
  });
}

/** The whole policy as a sentence. */
export const sentence = (policy: Policy, branchName: (id: string) => string): string =>
  t("evidence.retention.sentence", { scope: scopeText(policy, branchName), rule: ruleText(policy) });

/** The policies as they would be with one changed, added (not there yet) or taken away. */
export function policiesWith(all: Policy[], changed: Policy): Policy[] {
  return all.some((p) => p.id === changed.id)
    ? all.map((p) => (p.id === changed.id ? changed : p))
    : [...all, changed];
}
export const policiesWithout = (all: Policy[], id: string): Policy[] => all.filter((p) => p.id !== id);

/** An id for a new policy that no other has. */
export function newPolicyId(all: Policy[]): string {
  let n = all.length + 1;
  while (all.some((p) => p.id === `policy-${n}`)) n++;
  return `policy-${n}`;
}
