/** The packets of an Ogg file with one stream, headers first, as its pages' lacing tells them. */
export function packetsOf(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let pieces: Buffer[] = [];
  let at = 0;
  while (at < file.length) {
    if (file.toString("latin1", at, at + 4) !== "OggS") throw new Error(`no page at ${at}`);
    const segments = file[at + 26] ?? 0;
    let body = at + 27 + segments;
    for (const lace of file.subarray(at + 27, at + 27 + segments)) {
      pieces.push(file.subarray(body, body + lace));
      body += lace;
      if (lace === 255) continue;
      packets.push(Buffer.concat(pieces));
      pieces = [];
    }
    at = body;
  }
  return packets;
}
