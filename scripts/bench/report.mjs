/** Formats the bench's figures as a table. */

import { cpus } from "node:os";

export function describeMachine(runtime) {
  const all = cpus();
  return { runtime, cpu: all[0]?.model.trim() ?? "unknown", cores: all.length };
}

const whole = (value) => Math.round(value).toLocaleString("en-US");
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const mib = (value) => value === null ? "not known here" : `${value} MiB`;
const percent = (ratio) => `${Math.round(ratio * 100)} %`;
const line = (name, ...cells) =>
  `  ${name.padEnd(38)}${cells.map((cell) => cell.padStart(14)).join("")}`;

export function describeReport({ machine, options, rewrap, ceremony, requests }) {
  const { runtime, cpu, cores } = machine;
  const lines = ["", `Sealwright on ${runtime}, ${cores} x ${cpu}`];
  if (rewrap !== undefined) lines.push(...describeRewrap(rewrap, options));
  if (ceremony !== undefined) lines.push(...describeCeremonies(ceremony));
  if (requests !== undefined) lines.push(...describeRequests(requests, options));
  return lines.join("\n");
}

function describeRewrap(rewrap, { entries, valueBytes, readsPerSecond }) {
  const { ratios } = rewrap;
  return [
    "",
    `Rewrap of ${whole(entries)} entries of ${valueBytes} bytes, after a rekey`,
    line("", "entries/s", "rewrap is"),
    line("rewrap", whole(rewrap.entriesPerSecond), ""),
    line("crypto only", whole(rewrap.cryptoPerSecond), percent(ratios.crypto)),
    line("SQLite only", whole(rewrap.sqlitePerSecond), percent(ratios.sqlite)),
    line("crypto, then SQLite", whole(rewrap.sequencePerSecond), percent(ratios.sequence)),
    line("memory: peak of the server", mib(rewrap.peakRssMib)),
    line("memory: before the first run", mib(rewrap.restRssMib)),
    ...rewrap.reads.filter(({ count }) => count > 0).map((reads, run) =>
      line(
        `run ${run + 1}: ${readsPerSecond} reads/s meanwhile`,
        `p50 ${ms(reads.p50Ms)}`,
        `p99 ${ms(reads.p99Ms)}`,
        `max ${ms(reads.maxMs)}`,
      )
    ),
  ];
}

function describeCeremonies({ plainMs, verifiedMs }) {
  return [
    "",
    "Rekey of 5 shares, 3 needed, from its start to the new shares",
    line("plain", ms(plainMs)),
    line("with verification", ms(verifiedMs)),
  ];
}

const TARGETS = {
  bare: "bare Hono and SQLite",
  root: "kv v1, root token",
  policies: "kv v1, token of three policies",
  audited: "the same, audited into a file",
  sealWrapped: "kv v1, seal-wrapped mount, root token",
};

function describeRequests(requests, { valueBytes }) {
  const table = (kind) => [
    "",
    `kv ${kind}s of ${valueBytes} bytes over HTTP, ${requests.connections} connections`,
    line("", "requests/s", "of bare", "p50", "p99"),
    ...Object.entries(requests[kind]).map(([name, { perSecond, ratio, p50Ms, p99Ms }]) =>
      line(TARGETS[name], whole(perSecond), percent(ratio), ms(p50Ms), ms(p99Ms))
    ),
    line("audited, of not audited", percent(requests[kind].audited.ofUnaudited)),
  ];
  return [
    ...table("read"),
    ...table("write"),
    line("memory: peak of the server", mib(requests.peakRssMib)),
  ];
}
