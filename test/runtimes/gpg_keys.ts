/** Makes keys of holders with gpg, of every algorithm it has, in a home directory of their own. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export interface GpgHome {
  /** Makes a key from the lines of a parameter file (`gpg --gen-key`). Returns its public key. */
  generate(name: string, parameters: readonly string[]): Uint8Array<ArrayBuffer>;
  armored(name: string): string;
  /** The text of a message encrypted to one of these keys. */
  decrypt(message: Uint8Array): string;
  remove(): void;
}

export function createGpgHome(): GpgHome {
  const home = mkdtempSync(join(tmpdir(), "gpg-"));
  const gpg = (input: string | Uint8Array, ...words: readonly string[]): Uint8Array =>
    execFileSync("gpg", ["--batch", "--quiet", "--no-autostart", ...words], {
      input,
      env: { ...process.env, GNUPGHOME: home },
      stdio: ["pipe", "pipe", "ignore"],
    });
  execFileSync("gpgconf", ["--launch", "gpg-agent"], {
    env: { ...process.env, GNUPGHOME: home },
    stdio: "ignore",
  });
  return {
    generate: (name, parameters) => {
      const lines = ["%no-protection", ...parameters, `Name-Real: ${name}`, "%commit", ""];
      gpg(lines.join("\n"), "--gen-key");
      return Uint8Array.from(gpg("", "--export", name));
    },
    armored: (name) => new TextDecoder().decode(gpg("", "--export", "--armor", name)),
    decrypt: (message) => new TextDecoder().decode(gpg(message, "--decrypt")),
    remove: () => {
      execFileSync("gpgconf", ["--kill", "all"], {
        env: { ...process.env, GNUPGHOME: home },
        stdio: "ignore",
      });
      rmSync(home, { recursive: true });
    },
  };
}
