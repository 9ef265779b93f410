/**
 * Shows a whole ceremony: several holders rekey a vault full of secrets, it is rewrapped, its
 * process is killed twice, and at the end the old shares open nothing. Starts its own server on a
 * free port with a temporary directory. With VAULT_ADDR it uses that server, which must not be
 * initialised, and kills nothing. `npm run demo -- 20000` writes 20000 secrets.
 *
 * Exits with status 1 at the first unexpected result.
 */

import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, OwnServer } from "./demo/own_server.mjs";

const SECRETS_DEFAULT = 5000;
const SECRETS_MAX = 1_000_000;
const SECRET_CHARS = 1000;
/** Concurrent requests while secrets are written and read. */
const WORKERS = 32;
/** A rewrap without progress for this long has stopped. */
const REWRAP_STALL_MS = 30_000;
const POLL_MS = 5;
const BAR_CHARS = 30;

const out = (text) => process.stdout.write(text);
const step = (title) => out(`\n${title}\n`);
const done = (text) => out(`  ${text}\n`);

function expect(holds, what) {
  if (!holds) throw new Error(what);
}

/** A progress bar: one growing line on a terminal, elsewhere one line per tenth. */
function createProgress(label) {
  let tenths = 0;
  return (count, total) => {
    const now = total === 0 ? 10 : Math.floor((count * 10) / total);
    if (!process.stdout.isTTY && now === tenths) return;
    tenths = now;
    const filled = total === 0 ? BAR_CHARS : Math.floor((count * BAR_CHARS) / total);
    const bar = "#".repeat(filled).padEnd(BAR_CHARS, ".");
    const line = `  ${label} [${bar}] ${count} of ${total}`;
    if (process.stdout.isTTY) out(count === total ? `\r${line}\n` : `\r${line}`);
    else out(`${line}\n`);
  };
}

/** A client of the vault. */
class Client {
  token = "";

  constructor(url) {
    this.url = url;
  }

  /** Returns the status and the parsed body, which is null if empty. */
  async send(method, path, body) {
    const response = await fetch(`${this.url}/v1/${path}`, {
      method,
      headers: { "x-vault-token": this.token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  /** Like `send`, but throws unless the request succeeds. Returns the body. */
  async ask(method, path, body) {
    const answer = await this.send(method, path, body);
    const reason = answer.body?.errors?.join(", ") ?? "no reason";
    expect(answer.status < 300, `${method} ${path} answered ${answer.status}: ${reason}`);
    return answer.body;
  }

  async rewrap() {
    return (await this.ask("GET", "sys/sealwrap/rewrap?detail=true&inventory=true")).data;
  }

  /** Submits shares and returns the last answer. Throws at the first refusal. */
  async unseal(shares) {
    let answer;
    for (const key of shares) answer = await this.ask("PUT", "sys/unseal", { key });
    return answer;
  }
}

/** Runs `work(0)` … `work(total - 1)`, up to `WORKERS` at a time. */
async function forEach(total, label, work) {
  const progress = createProgress(label);
  let next = 0;
  let finished = 0;
  const worker = async () => {
    while (next < total) {
      await work(next++);
      progress(++finished, total);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}

const secretOf = (index) => `${index}:`.padEnd(SECRET_CHARS, "secret ");

async function fill(client, secrets) {
  step("1. A vault with five shares, three needed, full of secrets");
  const made = await client.ask("PUT", "sys/init", { secret_shares: 5, secret_threshold: 3 });
  client.token = made.root_token;
  const status = await client.unseal(made.keys.slice(0, 3));
  expect(status.sealed === false, "three shares do not unseal the vault");
  done("initialised, and unsealed by three holders");
  await client.ask("POST", "sys/mounts/kv", { type: "kv", seal_wrap: true });
  await forEach(
    secrets,
    "writing",
    (index) => client.ask("PUT", `kv/${index}`, { value: secretOf(index) }),
  );
  return made.keys;
}

async function gather(client, server, oldShares) {
  step("2. A rekey to seven shares, four needed, with verification");
  const begun = await client.ask("PUT", "sys/rekey/init", {
    secret_shares: 7,
    secret_threshold: 4,
    require_verification: true,
  });
  const { nonce } = begun;
  for (const key of oldShares.slice(0, 2)) {
    const { progress, required } = await client.ask("PUT", "sys/rekey/update", { key, nonce });
    done(`share ${progress} of ${required} accepted`);
  }
  const wrong = "ab".repeat(33);
  const refused = await client.send("PUT", "sys/rekey/update", { key: wrong, nonce });
  expect(refused.status === 400, "a share that is none was not refused");
  done(`a wrong share is refused at once: ${refused.body.errors[0]}`);
  if (server !== null) await killWhileGathering(client, server, oldShares, nonce);
  const made = await client.ask("PUT", "sys/rekey/update", { key: oldShares[2], nonce });
  expect(made.keys.length === 7, "the third share did not make seven new ones");
  done("share 3 of 3 accepted: seven new shares, not in force yet");
  return made;
}

async function killWhileGathering(client, server, oldShares, nonce) {
  await server.kill();
  await server.start();
  const status = await client.unseal(oldShares.slice(0, 3));
  expect(status.sealed === false, "the old shares do not unseal the vault after the kill");
  const rekey = await client.ask("GET", "sys/rekey/init");
  expect(rekey.nonce === nonce && rekey.progress === 2, "the attempt was lost in the kill");
  done("server killed (SIGKILL) and started again: the attempt still has its two shares");
}

async function verify(client, made) {
  step("3. Four holders give back their new shares");
  const nonce = made.verification_nonce;
  for (const key of made.keys.slice(0, 4)) {
    const answer = await client.ask("PUT", "sys/rekey/verify", { key, nonce });
    done(
      answer.complete ? "the new shares are in force" : `share ${answer.progress} of 4 verified`,
    );
  }
}

/** Follows a run until `until(status)` is true. Returns that status. */
async function followRewrap(client, until) {
  const progress = createProgress("rewrapping");
  let processed = -1;
  let deadlineMs = 0;
  for (;;) {
    const status = await client.rewrap();
    expect(status.run !== null, "the rekey has started no rewrap");
    if (status.run.total > 0) progress(status.entries.processed, status.run.total);
    if (until(status)) return status;
    if (status.entries.processed !== processed) deadlineMs = Date.now() + REWRAP_STALL_MS;
    processed = status.entries.processed;
    expect(Date.now() < deadlineMs, "the rewrap does not go on");
    await sleep(POLL_MS);
  }
}

async function rewrap(client, server, newShares) {
  step("4. The rewrap, which has started by itself");
  let runId = null;
  if (server !== null) {
    const before = await followRewrap(
      client,
      ({ entries, is_running, run }) => !is_running || entries.processed > run.skipped,
    );
    runId = before.run.run_id;
    await server.kill();
    const { entries, run } = before;
    if (process.stdout.isTTY) out("\n");
    const how = before.is_running ? "in the middle" : "after its end, this machine is fast";
    done(`server killed (SIGKILL) ${how}: ${entries.processed} of ${run.total} seen`);
    await server.start();
    const status = await client.unseal(newShares.slice(0, 4));
    expect(status.sealed === false, "the new shares do not unseal the vault after the kill");
    done("started again, and unsealed by four holders of new shares: it goes on");
  }
  const { entries, run, inventory } = await followRewrap(client, (status) => !status.is_running);
  expect(runId === null || run.run_id === runId, "the run was begun anew after the kill");
  expect(run.result === "completed" && entries.failed === 0, `the rewrap ended: ${run.result}`);
  expect(entries.processed === run.total, "entries were lost or counted twice");
  const keys = Object.keys(inventory);
  expect(keys.length === 1 && keys[0] === run.target_key_id, "entries are left under an old key");
  done(`completed: ${entries.succeeded} succeeded, ${entries.failed} failed; one seal key is left`);
}

async function readBack(client, secrets) {
  step("5. Every secret is still there");
  await forEach(secrets, "reading", async (index) => {
    const { data } = await client.ask("GET", `kv/${index}`);
    expect(data.value === secretOf(index), `the secret ${index} has changed`);
  });
}

async function proveOldSharesDead(client, oldShares, newShares) {
  step("6. The old shares open nothing any more");
  await client.ask("PUT", "sys/seal");
  done("sealed");
  await client.unseal(oldShares.slice(0, 3));
  const refused = await client.send("PUT", "sys/unseal", { key: oldShares[3] });
  expect(refused.status === 400, "four old shares were not refused");
  const { sealed } = await client.ask("GET", "sys/seal-status");
  expect(sealed === true, "the old shares have opened the vault");
  done(`four old shares are refused: ${refused.body.errors[0]}`);
  const status = await client.unseal(newShares.slice(3));
  expect(status.sealed === false, "the new shares do not open the vault");
  done("four new shares open it");
}

function secretCount(text) {
  if (text === undefined) return SECRETS_DEFAULT;
  const count = Number(text);
  expect(
    /^[0-9]+$/.test(text) && count >= 1 && count <= SECRETS_MAX,
    `the number of secrets must be 1 to ${SECRETS_MAX}: got ${JSON.stringify(text)}`,
  );
  return count;
}

async function tell(client, server, secrets) {
  const { initialized } = await client.ask("GET", "sys/init");
  expect(initialized === false, `the vault on ${client.url} is initialised already`);
  const oldShares = await fill(client, secrets);
  const made = await gather(client, server, oldShares);
  await verify(client, made);
  await rewrap(client, server, made.keys);
  await readBack(client, secrets);
  await proveOldSharesDead(client, oldShares, made.keys);
  if (server !== null) return;
  step("The vault is yours. Its root token and its shares, of which four are needed:");
  for (const text of [client.token, ...made.keys]) done(text);
}

const address = process.env.VAULT_ADDR || null;
const server = address === null ? new OwnServer(await freePort()) : null;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await server?.remove();
    process.exit(1);
  });
}
try {
  const secrets = secretCount(process.argv[2]);
  await server?.start();
  const url = server?.url ?? address;
  out(
    `Sealwright on ${url}, ${server === null ? "not ours to kill" : "in a temporary directory"}\n`,
  );
  await tell(new Client(url), server, secrets);
  out("\nDone: nothing was lost.\n");
} catch (error) {
  out(`\nFAILED: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await server?.remove();
}
