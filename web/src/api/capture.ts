import { bodyOf, client } from "./http";
import type { components, operations } from "./schema.gen";

// Whether everything was recorded.

type Schemas = components["schemas"];
export type Capture = Schemas["Capture"];
export type CaptureRow = Schemas["CaptureRow"];
export type CaptureFinding = Schemas["CaptureFinding"];
export type CaptureKind = CaptureFinding["kind"];
export type SoundCheck = Schemas["SoundCheck"];
export type SoundResult = Exclude<SoundCheck["result"], "">;
export type CaptureQuery = NonNullable<operations["verify-capture"]["parameters"]["query"]>;

export const captureApi = {
  verify: (query: CaptureQuery, signal?: AbortSignal) =>
    bodyOf(client.GET("/api/v1/capture", { params: { query }, signal })),
};

/** Where the same is had as a workbook. */
export function captureUrl(query: CaptureQuery, language: "zh" | "en"): string {
  const params = new URLSearchParams({ language });
  for (const key of ["from", "to", "branch", "seat", "problem"] as const)
    if (query[key]) params.set(key, query[key]);
  return `/api/v1/capture.xlsx?${params}`;
}
