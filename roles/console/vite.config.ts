import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/console/",
  plugins: [vue()],
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
