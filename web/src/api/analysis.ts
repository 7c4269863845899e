import { bodyOf, client } from "./http";
import type { components } from "./schema.gen";

// When analysis alerts, and judging the archive anew.

export type AnalysisState = components["schemas"]["AnalysisState"];
export type AnalysisRun = components["schemas"]["AnalysisRun"];
export type Thresholds = components["schemas"]["Thresholds"];
export type ThresholdsByKind = components["schemas"]["ThresholdsByKind"];
export type Talk = components["schemas"]["Talk"];

export const analysisApi = {
  state: (signal?: AbortSignal) => bodyOf(client.GET("/api/v1/analysis", { signal })),
  set: (body: ThresholdsByKind) => bodyOf(client.PUT("/api/v1/analysis/thresholds", { body })),
  start: (all: boolean) => bodyOf(client.POST("/api/v1/analysis/runs", { body: { all } })),
  stop: () => bodyOf(client.DELETE("/api/v1/analysis/runs")),
};
