import { computed } from "vue";
import { createI18n } from "vue-i18n";
import en from "./en";
import zhCN from "./zh-CN";

export type Lang = "zh-CN" | "en";
export const langs: { id: Lang; name: string }[] = [
  { id: "zh-CN", name: "中文" },
  { id: "en", name: "English" },
];

type Leaves<T> = {
  [K in keyof T & string]: T[K] extends string ? K : `${K}.${Leaves<T[K]>}`;
}[keyof T & string];
/** Every text there is; a key that does not exist does not compile. */
export type TextKey = Leaves<typeof zhCN>;

const kept = "earshot.lang";

function firstLang(): Lang {
  try {
    const value = localStorage.getItem(kept);
    if (value === "zh-CN" || value === "en") return value;
  } catch {
    // Storage may be forbidden; the default language serves.
  }
  return "zh-CN";
}

export const i18n = createI18n({
  legacy: false,
  locale: firstLang(),
  fallbackLocale: "zh-CN",
  messages: { "zh-CN": zhCN, en } as Record<Lang, typeof zhCN>,
});

/** The text of key in the language now chosen; a render that calls it follows the choice. */
export function t(key: TextKey, params: Record<string, string | number> = {}): string {
  return i18n.global.t(key, params);
}

/** Whether there is a text for a key that came from outside. */
export function isText(key: string): key is TextKey {
  return i18n.global.te(key, "zh-CN");
}

export const lang = computed<Lang>(() => i18n.global.locale.value as Lang);

export function setLang(value: Lang): void {
  i18n.global.locale.value = value;
  document.documentElement.lang = value;
  try {
    localStorage.setItem(kept, value);
  } catch {
    // Not remembered, then.
  }
}
