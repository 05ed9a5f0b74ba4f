import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

/** Beside each large file it packed: the service gives a phone on a slow line that one, and packs nothing itself. */
const packed = {
  name: "packed",
  apply: "build" as const,
  writeBundle({ dir = "dist" }: { dir?: string }, bundle: Record<string, unknown>) {
    for (const file of Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name)).map((name) => join(dir, name))) {
      const whole = readFileSync(file); // as it was written: what the bundle holds is not the last word
      writeFileSync(`${file}.gz`, gzipSync(whole, { level: 9 }));
      writeFileSync(`${file}.br`, brotliCompressSync(whole));
    }
  },
};

export default defineConfig({
  base: "/console/",
  plugins: [vue(), packed],
  build: {
    outDir: "dist",
    // Inlined assets would be data: addresses, which the page's CSP allows for pictures only.
    assetsInlineLimit: 0,
    target: "es2022",
  },
  // For work on the screens beside a running `dropcue serve` or `dropcue demo`.
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8700", ws: true }, "/api": "http://127.0.0.1:8700" } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
