// SDP fragments of ICE (RFC 8840): what a PATCH carries, and its answer.

/** ICE credentials, and the candidates that go with them. */
export interface Ice {
  ufrag: string;
  pwd: string;
  candidates: string[];
}

const lines = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== "");
const attribute = (text: string, key: string): string =>
  lines(text)
    .find((line) => line.startsWith(`a=${key}:`))
    ?.slice(key.length + 3) ?? "";

/** The ICE part of a description or of a fragment, of its first m-line. */
export function iceOf(text: string): Ice {
  return {
    ufrag: attribute(text, "ice-ufrag"),
    pwd: attribute(text, "ice-pwd"),
    candidates: [
      ...new Set(
        lines(text)
          .filter((line) => line.startsWith("a=candidate:"))
          .map((line) => line.slice(2)),
      ),
    ],
  };
}

/** Writes a fragment. All m-lines are bundled, so candidates stand under the first. */
export function writeFragment(offer: string, ice: Ice, complete: boolean): string {
  const group = attribute(offer, "group");
  const media = lines(offer).find((line) => line.startsWith("m=")) ?? "m=audio 9 UDP/TLS/RTP/SAVPF 0";
  return [
    ...(group ? [`a=group:${group}`] : []),
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    media,
    `a=mid:${attribute(offer, "mid") || "0"}`,
    ...ice.candidates.map((candidate) => `a=${candidate}`),
    ...(complete ? ["a=end-of-candidates"] : []),
    "",
  ].join("\r\n");
}

/** The answer as it reads after the server's ICE was renewed. */
export function renewIce(answer: string, ice: Ice): string {
  const out: string[] = [];
  for (const line of lines(answer)) {
    if (/^a=(candidate:|end-of-candidates)/.test(line)) continue;
    if (line.startsWith("a=ice-ufrag:")) out.push(`a=ice-ufrag:${ice.ufrag}`);
    else if (line.startsWith("a=ice-pwd:"))
      out.push(`a=ice-pwd:${ice.pwd}`, ...ice.candidates.map((candidate) => `a=${candidate}`));
    else out.push(line);
  }
  return `${out.join("\r\n")}\r\n`;
}
