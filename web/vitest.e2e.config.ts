import { defineConfig } from "vitest/config";

// End to end: a real server, a real Chromium. One file at a time, for the
// machines have two cores.
export default defineConfig({
  test: {
    include: ["e2e/**/*.e2e.ts"],
    globalSetup: ["e2e/shared.ts"],
    environment: "node",
    fileParallelism: false,
    // For machines on which all takes three times as long as it should.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
