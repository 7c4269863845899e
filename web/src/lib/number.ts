// Telephone numbers as the server has them (number.go).

const written = /^\(?[+*#0-9][-‐‑–—.()\s*#0-9]*$/;

/** A number without what people write between its digits; what is none stays as it is. */
export function plainNumber(text: string): string {
  const plain = text.normalize("NFKC").trim();
  return written.test(plain) ? plain.replace(/[^+*#0-9]/g, "") : text;
}

/** The same of a number that calls are searched by: without China's code in front. */
export const soughtNumber = (text: string): string => plainNumber(text).replace(/^(\+86|0086)(?=.)/, "");
