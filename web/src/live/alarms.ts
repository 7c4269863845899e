import type { Alarm, LiveNode } from "@/api";

/** An alarm and the node that it is about. */
export interface NodeAlarm extends Alarm {
  node: string;
}

/**
 * What is the matter with every node, the gravest and then the oldest first. What
 * the server says of its own node counts more than what the live state has of it.
 */
export function allAlarms(nodes: LiveNode[], own: { node: string; alarms: Alarm[] } | null): NodeAlarm[] {
  const all: NodeAlarm[] = [];
  for (const { name, alarms } of nodes) {
    if (name !== own?.node) all.push(...(alarms ?? []).map((a) => ({ ...a, node: name })));
  }
  if (own) all.push(...own.alarms.map((a) => ({ ...a, node: own.node })));
  return all.sort(
    (a, b) =>
      a.severity.localeCompare(b.severity) ||
      Date.parse(a.since) - Date.parse(b.since) ||
      a.code.localeCompare(b.code) ||
      a.node.localeCompare(b.node),
  );
}
