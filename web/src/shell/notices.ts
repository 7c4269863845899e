import { shallowReactive } from "vue";

// What happened, told once: seen for some seconds, and heard by a screen reader.

export type NoticeKind = "info" | "success" | "error";
export interface Notice {
  id: number;
  text: string;
  kind: NoticeKind;
}

export const notices = shallowReactive<Notice[]>([]);
let last = 0;

/** Errors stay longer: they have to be read. */
const stayMs: Record<NoticeKind, number> = { info: 4000, success: 4000, error: 9000 };

export function say(text: string, kind: NoticeKind = "info"): void {
  const id = ++last;
  notices.push({ id, text, kind });
  if (notices.length > 4) notices.shift();
  setTimeout(() => dismiss(id), stayMs[kind]);
}

export function dismiss(id: number): void {
  const i = notices.findIndex((n) => n.id === id);
  if (i >= 0) notices.splice(i, 1);
}
