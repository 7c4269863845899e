import { expect, test } from "vitest";
import { iceOf, renewIce, writeFragment } from "./fragment";

const offer = [
  "v=0",
  "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789012345678901",
  "a=candidate:1 1 udp 2122260223 10.0.0.2 50000 typ host",
  "a=mid:0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789012345678901",
  "a=mid:1",
  "",
].join("\r\n");

test("the ICE of a description is that of its first m-line", () => {
  expect(iceOf(offer)).toEqual({
    ufrag: "abcd",
    pwd: "0123456789012345678901",
    candidates: ["candidate:1 1 udp 2122260223 10.0.0.2 50000 typ host"],
  });
  expect(iceOf("")).toEqual({ ufrag: "", pwd: "", candidates: [] });
});

test("a fragment names its ICE session, its m-line and what is new", () => {
  const text = writeFragment(
    offer,
    { ...iceOf(offer), candidates: ["candidate:2 1 udp 1 10.0.0.3 5 typ host"] },
    true,
  );
  expect(text.split("\r\n")).toEqual([
    "a=group:BUNDLE 0 1",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:0",
    "a=candidate:2 1 udp 1 10.0.0.3 5 typ host",
    "a=end-of-candidates",
    "",
  ]);
  expect(writeFragment(offer, iceOf(offer), false)).not.toContain("end-of-candidates");
});

test("renewing ICE leaves all else as it was, on every m-line", () => {
  const answer = `${offer}a=end-of-candidates\r\n`;
  const ice = {
    ufrag: "wxyz",
    pwd: "9876543210987654321098",
    candidates: ["candidate:9 1 udp 1 10.0.0.9 7 typ host"],
  };
  const renewed = renewIce(answer, ice);
  expect(renewed.match(/a=ice-ufrag:wxyz/g)).toHaveLength(2);
  expect(renewed.match(/a=candidate:/g)).toHaveLength(2);
  expect(renewed).not.toMatch(/abcd|10\.0\.0\.2|end-of-candidates/);
  expect(renewed.split("\r\n").filter((l) => !/^a=(ice-|candidate)/.test(l))).toEqual(
    offer.split("\r\n").filter((l) => !/^a=(ice-|candidate)/.test(l)),
  );
});
