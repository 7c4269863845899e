import { expect, test } from "vitest";
import type { Alarm, LiveNode } from "@/api";
import { allAlarms } from "./alarms";

const alarm = (code: Alarm["code"], severity: Alarm["severity"], minute: number): Alarm => ({
  code,
  severity,
  since: `2026-11-21T00:0${minute}:00.000Z`,
  detail: "",
});
const node = (name: string, ...alarms: Alarm[]) => ({ name, alarms }) as LiveNode;

test("the gravest come first, then the oldest, of all nodes", () => {
  const all = allAlarms(
    [
      node("n1", alarm("witness", "warning", 1), alarm("disk_full", "critical", 5)),
      node("n2", alarm("clock_unsynced", "warning", 0)),
    ],
    null,
  );
  expect(all.map((a) => `${a.node} ${a.code}`)).toEqual(["n1 disk_full", "n2 clock_unsynced", "n1 witness"]);
});

test("what a server says of itself counts more than what is told of it", () => {
  const nodes = [node("n1", alarm("redis_away", "warning", 1)), node("n2", alarm("disk_low", "warning", 2))];
  expect(allAlarms(nodes, { node: "n1", alarms: [] }).map((a) => a.code)).toEqual(["disk_low"]);
  expect(allAlarms([], { node: "n1", alarms: [alarm("index_away", "warning", 0)] })[0]?.node).toBe("n1");
});
