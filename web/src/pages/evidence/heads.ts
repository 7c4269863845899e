/** When a ledger's head was signed, by its own text; empty if it does not say. */
export function headTime(head: string): string {
  const line = head
    .split("\n\n")[0]
    ?.split("\n")
    .find((l) => l.startsWith("time "));
  const at = line?.slice("time ".length) ?? "";
  return Number.isNaN(Date.parse(at)) ? "" : at;
}
