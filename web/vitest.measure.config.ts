import { defineConfig } from "vitest/config";

// What is measured by a real server and a real Chromium, and printed; it asserts
// nothing. One file at a time, on a machine that does nothing else.
export default defineConfig({
  test: {
    include: ["e2e/**/*.measure.ts"],
    environment: "node",
    fileParallelism: false,
    hookTimeout: 60_000,
  },
});
