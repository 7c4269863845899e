import { readFile } from "node:fs/promises";
import { fileURLToPath, URL } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig, type PluginOption } from "vite";

// The oldest browser in the halls: Chromium 109 on Windows 7.
const oldest = "chrome109";

// Where `npm run dev` sends what is not the dashboard: a running earshot, or
// the mock (MOCK=12, MOCK=500: so many made-up seats).
const server = process.env.EARSHOT ?? "http://127.0.0.1:8080";

const src = fileURLToPath(new URL("./src", import.meta.url));

async function mock(seats: string | undefined): Promise<PluginOption[]> {
  if (seats === undefined) return [];
  const { mockServer } = await import("./dev/mock.ts");
  return [mockServer(Number(seats))];
}

// The seat page's link has no ending: /seat is seat.html in development too.
const seatEntry: PluginOption = {
  name: "earshot-seat-entry",
  apply: "serve",
  configureServer(dev) {
    dev.middlewares.use((req, _res, next) => {
      if (req.url === "/seat" || req.url?.startsWith("/seat?")) req.url = "/seat.html";
      next();
    });
  },
};

// The font of the cover sheets that the server draws: browsers bring their own.
const paperFont: PluginOption = {
  name: "earshot-paper-font",
  apply: "build",
  async buildStart() {
    const from = fileURLToPath(new URL("./node_modules/@expo-google-fonts/noto-sans-sc/", import.meta.url));
    for (const [name, file] of [
      ["NotoSansSC.ttf", "400Regular/NotoSansSC_400Regular.ttf"],
      ["NotoSansSC.LICENSE", "LICENSE_FONT"],
    ]) {
      this.emitFile({ type: "asset", fileName: `paper/${name}`, source: await readFile(from + file) });
    }
  },
};

export default defineConfig(async ({ command }) => ({
  plugins: [vue(), seatEntry, paperFont, ...(command === "serve" ? await mock(process.env.MOCK) : [])],
  resolve: { alias: { "@": src } },
  build: {
    target: oldest,
    cssTarget: oldest,
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: {
        index: fileURLToPath(new URL("./index.html", import.meta.url)),
        seat: fileURLToPath(new URL("./seat.html", import.meta.url)),
      },
      output: {
        codeSplitting: {
          groups: [
            { name: "vue", test: /node_modules[\\/](@vue|vue|vue-router|pinia|vue-i18n|@intlify)[\\/]/ },
          ],
        },
      },
    },
  },
  server: process.env.MOCK
    ? {}
    : {
        proxy: {
          "/api": { target: server, ws: true },
          "/whep": { target: server },
          "/whip": { target: server },
        },
      },
}));
