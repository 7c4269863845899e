import type { components, operations } from "./schema.gen";

// What the server speaks of, by its own description of itself: schema.gen.ts is
// made from it by `npm run types`. Here are only the names that pages use.

type Schemas = components["schemas"];

export type Agent = Schemas["Agent"];
export type Branch = Schemas["Branch"];
export type Seat = Schemas["Seat"];
/** What making a seat, or renewing its token, shows once. */
export type SeatToken = Schemas["SeatAccess"];
export type SeatMade = Schemas["SeatMade"];
/** What lets somebody who is signed in publish from the seat page. */
export type SeatTicket = Schemas["Ticket"];
export type User = Schemas["User"];
export type Me = Schemas["Me"];
export type Site = Schemas["Site"];
export type Call = Schemas["Call"];
export type Hold = Schemas["Hold"];
export type NewHold = Schemas["NewHold"];
/** Which calls it is about may be left open: an empty kind is any. */
export type Policy = Omit<Schemas["Policy"], "kind"> & { kind: Schemas["Policy"]["kind"] | "" };
export type DuePage = Schemas["Preview"];
export type RetentionRun = Schemas["RetentionRun"];
export type Ledger = Schemas["LedgerState"];
export type Witness = Schemas["WitnessState"];
export type Integrity = Schemas["Integrity"];
export type IntegrityProblem = Schemas["IntegrityProblem"];
export type DamagedFile = Schemas["DamagedFile"];
export type Scrub = Schemas["ScrubState"];
export type PartProof = Schemas["PartProof"];
export type Package = Schemas["Package"];
export type PackageCall = Schemas["PackageCall"];
export type NewPackage = Schemas["NewPackage"];
export type Silence = Schemas["PackageSilence"];
export type Deletion = Schemas["Deletion"];
export type CallPatch = Schemas["CallFacts"];
export type Part = Schemas["Part"];
export type ClockPoint = Schemas["ClockPoint"];
export type Gap = Schemas["Gap"];
export type Mark = Schemas["Mark"];
export type NewMark = Schemas["NewMark"];
export type MarkChange = Schemas["MarkChange"];
export type Origin = Schemas["Origin"];
/** Levels over a call's timeline, base64 of a byte a step: −dBov, 255 a gap. */
export type CallLevels = Schemas["Levels"];
export type Audit = Schemas["Audit"];
export type LiveSeat = Schemas["LiveSeat"];
export type LiveCall = Schemas["LiveCall"];
export type LiveNode = Schemas["LiveNode"];
export type LiveEvent = Schemas["Event"];
export type Alarm = Schemas["Alarm"];
export type Stream = Schemas["Stream"];
export type ProblemBody = Schemas["Problem"];

export type Action = Me["allowed"][number];
export type Role = User["role"];
export type SeatKind = Seat["kind"];
export type Cut = Seat["cut"];
export type SeatState = LiveSeat["state"];
export type Attention = LiveSeat["attention"];
export type Direction = Call["direction"];
export type CallState = Call["state"];
export type Flag = Call["flags"][number];
export type Cause = Gap["cause"];
export type TrackKind = Part["track"];
export type Codec = Part["codec"];
export type MarkKind = Mark["kind"];
export type EventKind = LiveEvent["kind"];
export type Side = "agent" | "customer";

export type CallQuery = NonNullable<operations["search-calls"]["parameters"]["query"]>;
export type AuditQuery = NonNullable<operations["search-audit"]["parameters"]["query"]>;
export type HoldQuery = NonNullable<operations["list-holds"]["parameters"]["query"]>;
export type HoldState = NonNullable<HoldQuery["state"]>;
