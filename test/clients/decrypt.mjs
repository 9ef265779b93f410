/**
 * Prints the plaintext of the base64 PGP message on stdin, decrypted for one of the test vectors'
 * holders: `decrypt.mjs rsa2048`. Uses gpg, as a holder would, or openpgp if there is no gpg.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import * as openpgp from "openpgp";

const armoredKey = readFileSync(
  new URL(`../vectors/pgp/${process.argv[2]}.sec.asc`, import.meta.url),
  "utf8",
);
const message = Uint8Array.from(atob(await text(process.stdin)), (c) => c.charCodeAt(0));

function decryptByGpg() {
  const home = mkdtempSync(join(tmpdir(), "gpg-"));
  const gpg = (args, input) =>
    execFileSync("gpg", ["--homedir", home, "--batch", "--quiet", ...args], { input });
  try {
    gpg(["--import"], armoredKey);
    return gpg(["--decrypt"], message).toString();
  } finally {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(home, { recursive: true, force: true });
  }
}

async function decryptByOpenpgp() {
  const { data } = await openpgp.decrypt({
    message: await openpgp.readMessage({ binaryMessage: message }),
    decryptionKeys: await openpgp.readPrivateKey({ armoredKey }),
  });
  return data;
}

const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
process.stdout.write(hasGpg ? decryptByGpg() : await decryptByOpenpgp());
