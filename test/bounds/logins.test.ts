/** The queue of password hashes: its bounds, the order of clients, and dropped ones. */

import { describe, expect, it } from "vitest";
import { HashQueue } from "../../src/methods/userpass/hash_queue.ts";
import type { Client } from "../../src/methods/method.ts";
import { VaultError } from "../../src/errors.ts";
import { HASHES_WAITING_MAX, HASHES_WAITING_PER_CLIENT_MAX } from "../../src/limits.ts";
import { prepare } from "../http/stages.ts";

const from = (address: string | null, signal: AbortSignal | null = null): Client => ({
  address,
  signal,
});

/** A queue whose work ends when the test says so, with the names of finished work in order. */
function controlled(refuseWork: () => void = () => {}) {
  const queue = new HashQueue(refuseWork);
  const done: string[] = [];
  const started: (() => void)[] = [];
  const ask = (name: string, client: Client): Promise<string> => {
    const work = () =>
      new Promise<string>((resolve) =>
        started.push(() => {
          done.push(name);
          resolve(name);
        })
      );
    const answer = queue.run(work, client);
    answer.catch(() => {});
    return answer;
  };
  const turns = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  /** Ends the running work; false if there is none. */
  const next = async (): Promise<boolean> => {
    await turns();
    const end = started.shift();
    end?.();
    await turns();
    return end !== undefined;
  };
  const drain = async () => {
    while (await next());
    return done;
  };
  return { ask, next, drain, done, started };
}

async function refusalOf(answer: Promise<unknown>): Promise<string> {
  return await answer.then(
    () => "none",
    (error: unknown) => error instanceof VaultError ? `${error.code}: ${error.message}` : "other",
  );
}

const TOO_MANY = "rate_limited: too many passwords are being checked: try again later";

describe("HashQueue", () => {
  it("HashQueue gives clients turns, however much one of them waits for", async () => {
    const { ask, drain, started } = controlled();
    for (let n = 1; n <= 5; n++) void ask(`a${n}`, from("192.0.2.1"));
    void ask("b1", from("192.0.2.2"));
    void ask("c1", from("2001:db8::1"));
    void ask("c2", from("2001:db8::2"));
    await Promise.resolve();
    expect(started).toHaveLength(1);
    expect(await drain()).toEqual(["a1", "a2", "b1", "c1", "a3", "c2", "a4", "a5"]);
  });

  it("HashQueue refuses beyond the bound of one address or one IPv6 /64", async () => {
    for (const address of [(_: number) => "192.0.2.1", (n: number) => `2001:db8::${n + 1}`]) {
      const { ask, drain } = controlled();
      const answers = Array.from(
        { length: HASHES_WAITING_PER_CLIENT_MAX + 2 },
        (_, n) => ask(`${n}`, from(address(n))),
      );
      expect(await refusalOf(answers.at(-1)!)).toBe(TOO_MANY);
      const other = ask("other", from("198.51.100.1"));
      expect(await drain()).toHaveLength(HASHES_WAITING_PER_CLIENT_MAX + 2);
      expect(await other).toBe("other");
    }
  });

  it("a full HashQueue makes room by dropping the latest of the busiest client", async () => {
    const { ask, drain } = controlled();
    const heavy = Array.from(
      { length: HASHES_WAITING_PER_CLIENT_MAX + 1 },
      (_, n) => ask(`a${n}`, from("192.0.2.1")),
    );
    const rest = HASHES_WAITING_MAX - HASHES_WAITING_PER_CLIENT_MAX;
    for (let n = 0; n < rest; n++) void ask(`b${n}`, from(`198.51.100.${n}`));
    const late = ask("late", from("203.0.113.9"));
    expect(await refusalOf(heavy.at(-1)!)).toBe(TOO_MANY);
    const done = await drain();
    expect(await late).toBe("late");
    expect(done).toHaveLength(HASHES_WAITING_MAX + 1);
  });

  it("a full HashQueue refuses a client if every other client has one place", async () => {
    const { ask } = controlled();
    for (let n = 0; n <= HASHES_WAITING_MAX; n++) void ask(`${n}`, from(`192.0.2.${n}`));
    expect(await refusalOf(ask("late", from("203.0.113.9")))).toBe(TOO_MANY);
  });

  it("HashQueue drops clients that have left, before their turn or before they wait", async () => {
    const { ask, drain } = controlled();
    void ask("first", from("192.0.2.1"));
    const leaving = new AbortController();
    const left = ask("left", from("192.0.2.2", leaving.signal));
    const stays = ask("stays", from("192.0.2.2"));
    leaving.abort();
    expect(await refusalOf(left)).toBe("rate_limited: the client has left");
    expect(await refusalOf(ask("gone", from("192.0.2.3", AbortSignal.abort()))))
      .toBe("rate_limited: the client has left");
    expect(await drain()).toEqual(["first", "stays"]);
    expect(await stays).toBe("stays");
  });

  it("HashQueue refuses waiting and new clients once the vault is sealed", async () => {
    let isSealed = false;
    const { ask, next, done } = controlled(() => {
      if (isSealed) throw new VaultError("sealed", "Vault is sealed");
    });
    const first = ask("first", from("192.0.2.1"));
    const second = ask("second", from("192.0.2.1"));
    await next();
    isSealed = true;
    await next();
    expect(await first).toBe("first");
    expect(await second).toBe("second");
    const third = ask("third", from("192.0.2.2"));
    expect(await refusalOf(third)).toBe("sealed: Vault is sealed");
    isSealed = false;
    void ask("running", from("192.0.2.1"));
    const waiting = ask("waiting", from("192.0.2.2"));
    isSealed = true;
    while (await next());
    expect(await refusalOf(waiting)).toBe("sealed: Vault is sealed");
    expect(done).toEqual(["first", "second", "running"]);
  });

  it("HashQueue continues after failed work", async () => {
    const queue = new HashQueue(() => {});
    const failing = queue.run(() => Promise.reject(new Error("no")), from(null));
    await expect(failing).rejects.toThrow("no");
    expect(await queue.run(async () => "yes", from(null))).toBe("yes");
  });
});

describe("logins", () => {
  it("logins beyond the bound of HashQueue are answered with 429", async () => {
    const { api, token } = await prepare("unsealed");
    await api.request("POST", "/v1/sys/auth/userpass", { token, body: { type: "userpass" } });
    const login = () =>
      api.request("POST", "/v1/auth/userpass/login/nobody", { body: { password: "x" } });
    const answers = await Promise.all(
      Array.from({ length: HASHES_WAITING_PER_CLIENT_MAX + 8 }, login),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(refused[0]?.json).toEqual({
      errors: ["too many passwords are being checked: try again later"],
    });
    expect(answers.filter(({ status }) => status === 400).length).toBeGreaterThan(0);
  });
});

describe("OpenAPI description", () => {
  it("the OpenAPI description is the same each time until what it describes changes", async () => {
    const { api, token } = await prepare("unsealed");
    const path = "/v1/sys/internal/specs/openapi";
    const first = await api.request("GET", path);
    const again = await api.request("GET", path);
    expect(again.text).toBe(first.text);
    const asToken = await api.request("GET", path, { token });
    expect(asToken.text.length).toBeGreaterThan(first.text.length);
    const generic = await api.request("GET", `${path}?generic_mount_paths=true`, { token });
    expect(generic.text).not.toBe(asToken.text);
    await api.request("POST", "/v1/sys/mounts/another", { token, body: { type: "kv" } });
    const more = await api.request("GET", path, { token });
    expect(more.text).toContain("/another/");
    expect((await api.request("GET", path)).text).toBe(first.text);
  });
});
