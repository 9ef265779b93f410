/**
 * Three projects: `unit` runs on Node, `workerd` inside Cloudflare's runtime, and `secrecy`, when both
 * have ended, over what the product wrote meanwhile.
 */

import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Generous: a busy machine is no failure. */
const TEST_MAX_MS = 30_000;

export default defineConfig({
  root,
  test: {
    globalSetup: ["test/secrecy/collect.ts"],
    projects: [
      {
        root,
        test: {
          name: "unit",
          testTimeout: TEST_MAX_MS,
          pool: "threads",
          include: ["test/**/*.test.ts"],
          exclude: ["test/workerd/**"],
        },
      },
      {
        root,
        plugins: [
          cloudflareTest({
            main: "./test/workerd/main.ts",
            miniflare: {
              compatibilityDate: "2026-11-01",
              cf: false,
              bindings: { SEALWRIGHT_LOG: "debug" },
              durableObjects: {
                VAULT: { className: "VaultObject", useSQLite: true },
                AUDITED_VAULT: { className: "AuditedVaultObject", useSQLite: true },
                STATIC_VAULT: { className: "StaticVaultObject", useSQLite: true },
                STORE: { className: "StoreObject", useSQLite: true },
              },
            },
          }),
        ],
        test: {
          name: "workerd",
          testTimeout: TEST_MAX_MS,
          include: ["test/workerd/**/*.test.ts"],
          setupFiles: ["test/workerd/console_evidence.ts"],
        },
      },
      {
        root,
        test: {
          name: "secrecy",
          testTimeout: 4 * TEST_MAX_MS,
          include: ["test/secrecy/secrecy.check.ts"],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
