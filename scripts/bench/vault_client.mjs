/** The vault API calls that the bench needs. */

const POLL_MS = 100;

export function createClient(port, token) {
  const call = async (method, path, json) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
      method,
      headers: { "X-Vault-Token": token },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  return {
    call,
    unseal: async (shares) => {
      for (const key of shares) await call("PUT", "sys/unseal", { key });
    },
    /** Waits until no rewrap runs. Resolves to the details of the last one. */
    rewrapEnded: async () => {
      for (;;) {
        const { data } = await call("GET", "sys/sealwrap/rewrap?detail=true");
        if (!data.is_running) return { ...data.entries, ...data.run };
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

/** Runs one ceremony until the new shares are in force. Resolves to the new shares. */
export async function rekey(client, shares, { threshold, verification = false }) {
  const started = await client.call("PUT", "sys/rekey/init", {
    secret_shares: shares.length,
    secret_threshold: threshold,
    require_verification: verification,
  });
  const submit = async (path, nonce, keys) => {
    let answer;
    for (const key of keys.slice(0, threshold)) {
      answer = await client.call("PUT", path, { key, nonce });
    }
    return answer;
  };
  const done = await submit("sys/rekey/update", started.nonce, shares);
  if (verification) await submit("sys/rekey/verify", done.verification_nonce, done.keys);
  return done.keys;
}
