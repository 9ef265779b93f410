/**
 * The metrics of `/sys/metrics`. A metric that Vault has too keeps Vault's name; all others begin
 * with `sealwright`. Attempts, the rewrap, terms and entries are read from the store and survive a
 * restart; counters belong to this process. Labels hold words of this file, key ids and term
 * numbers: never a path, a mount, a policy, a token or a share.
 */

import { activeTerm } from "../../../barrier/keyring.ts";
import type { GenerationState } from "../../../ceremony/generate_root.ts";
import { type CeremonyState, verificationsRequired } from "../../../ceremony/state.ts";
import { unreachable } from "../../../errors.ts";
import type { AttemptEvent, AttemptName, Metrics } from "../../../metrics.ts";
import { isActive, type RewrapJob, type RewrapResult } from "../../../rewrap/job.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import type { AppContext } from "../../request/call.ts";
import type { Family, Labels, Series } from "./exposition.ts";

const ATTEMPTS: readonly AttemptName[] = ["barrier", "recovery", "generate_root"];
const RESULTS: readonly RewrapResult[] = [
  "completed",
  "completed_with_failures",
  "cancelled",
  "interrupted",
];

export async function metricFamilies(
  unsealed: UnsealedVault,
  context: AppContext,
): Promise<readonly Family[]> {
  const { metrics } = context.vault;
  const nowMs = context.nowMs();
  const [job, counts, sizeBytes, attempts] = await Promise.all([
    unsealed.rewrap.job(),
    unsealed.sealKeyCounts(),
    unsealed.storageBytes(),
    attemptsOf(unsealed),
  ]);
  return [
    ...productFamilies(context),
    ...coreFamilies(unsealed, metrics),
    ...requestFamilies(metrics),
    ...attemptFamilies(metrics, attempts),
    ...rewrapFamilies(job, nowMs),
    ...sealFamilies(unsealed, metrics, counts),
    ...barrierFamilies(unsealed),
    gauge(
      "sealwright.storage.size_bytes",
      "Bytes the store occupies, where it can tell.",
      sizeBytes === null
        ? []
        : [{ labels: { type: context.vault.status().storageType }, value: sizeBytes }],
    ),
  ];
}

function productFamilies({ vault, options }: AppContext): readonly Family[] {
  return [
    gauge("sealwright.build_info", "The version that is running.", [
      { labels: { version: options.version }, value: 1 },
    ]),
    one(
      "process_start_time_seconds",
      "When counters were zero, in seconds since 1970.",
      vault.metrics.startedAtMs / 1000,
    ),
  ];
}

function coreFamilies(unsealed: UnsealedVault, metrics: Metrics): readonly Family[] {
  const cluster = unsealed.cluster.name;
  const mounts = { logical: unsealed.mounts.list(), auth: unsealed.logins.list() };
  const entries = (["logical", "auth"] as const).flatMap((type) =>
    [true, false].map((local) => ({
      labels: { cluster, local: String(local), type },
      value: mounts[type].filter((mount) => mount.local === local).length,
    }))
  );
  return [
    gauge("vault.core.unsealed", "1 while unsealed; a sealed vault answers nobody.", [
      { labels: { cluster }, value: 1 },
    ]),
    gauge("vault.core.active", "1: there is one server, and it is active.", [
      { labels: { cluster }, value: 1 },
    ]),
    gauge("vault.core.in_flight_requests", "Requests being served, with this one.", [
      { labels: { cluster }, value: metrics.requestsInFlight },
    ]),
    gauge("vault.core.mount_table.num_entries", "Mounts, by table.", entries),
  ];
}

function requestFamilies({ requests, durations }: Metrics): readonly Family[] {
  const counted = [...requests].map(([kind, value]) => {
    const [area = "", operation = "", status = ""] = kind.split(" ");
    return { labels: { area, operation, status }, value };
  });
  return [
    counter("sealwright.requests_total", "Requests answered, by what they were for.", counted),
    {
      type: "histogram",
      name: "sealwright.request_duration_seconds",
      help: "Time to an answer.",
      series: [...durations].map(([operation, histogram]) => ({
        labels: { operation },
        histogram,
      })),
    },
  ];
}

/** The countable parts of an attempt; null if none is running. */
type Attempt =
  | {
    readonly verifying: boolean;
    readonly progress: number;
    readonly required: number;
    readonly expiresAtMs: number;
  }
  | null;

async function attemptsOf(
  unsealed: UnsealedVault,
): Promise<Readonly<Record<AttemptName, Attempt>>> {
  return {
    barrier: rekeyAttempt(await unsealed.rekey("barrier").state()),
    recovery: rekeyAttempt(await unsealed.rekey("recovery").state()),
    generate_root: generation(await unsealed.generateRoot.state()),
  };
}

function rekeyAttempt(state: CeremonyState): Attempt {
  switch (state.phase) {
    case "idle":
      return null;
    case "gathering": {
      const { expiresAtMs, required } = state.head;
      return { verifying: false, progress: state.given.length, required, expiresAtMs };
    }
    case "verifying": {
      const { expiresAtMs, parameters } = state.head;
      const required = verificationsRequired(parameters);
      return { verifying: true, progress: state.verified.length, required, expiresAtMs };
    }
    default:
      return unreachable(state);
  }
}

function generation(state: GenerationState): Attempt {
  if (state.phase === "idle") return null;
  const { given, required, expiresAtMs } = state;
  return { verifying: false, progress: given.length, required, expiresAtMs };
}

function attemptFamilies(
  metrics: Metrics,
  attempts: Readonly<Record<AttemptName, Attempt>>,
): readonly Family[] {
  const count = (event: AttemptEvent, labels: Labels = {}) =>
    ATTEMPTS.map((target) => ({
      labels: { target, ...labels },
      value: metrics.attempts.get(`${target} ${event}`) ?? 0,
    }));
  const show = (value: (attempt: NonNullable<Attempt>) => number): readonly Series[] =>
    ATTEMPTS.map((target) => {
      const attempt = attempts[target];
      return { labels: { target }, value: attempt === null ? 0 : value(attempt) };
    });
  const name = (rest: string): string => `sealwright.ceremony.${rest}`;
  return [
    counter(name("started_total"), "Attempts started.", count("started")),
    counter(name("shares_total"), "Shares judged, old ones and those given back to verify.", [
      ...count("share_accepted", { outcome: "accepted" }),
      ...count("share_refused", { outcome: "refused" }),
    ]),
    counter(name("completed_total"), "Attempts that reached their end.", count("completed")),
    counter(name("cancelled_total"), "Attempts cancelled by request.", count("cancelled")),
    counter(name("expired_total"), "Attempts whose time was over.", count("expired")),
    gauge(name("in_progress"), "1 while an attempt is open.", show(() => 1)),
    gauge(
      name("verifying"),
      "1 while an attempt waits for its new shares to be given back.",
      show(({ verifying }) => verifying ? 1 : 0),
    ),
    gauge(name("progress_shares"), "Shares the open attempt has.", show((a) => a.progress)),
    gauge(name("required_shares"), "Shares the open attempt needs.", show((a) => a.required)),
    gauge(
      name("expiry_timestamp_seconds"),
      "When the open attempt ends by itself, in seconds since 1970; 0 for none.",
      show((a) => a.expiresAtMs / 1000),
    ),
  ];
}

function rewrapFamilies(job: RewrapJob, nowMs: number): readonly Family[] {
  const run = job.phase === "idle" ? null : job.run;
  const finishedAtMs = job.phase === "finished" ? job.finishedAtMs : null;
  const result = job.phase === "finished" ? job.result : null;
  const name = (rest: string): string => `sealwright.rewrap.${rest}`;
  const rewrapped = run === null ? 0 : run.processed - run.skipped;
  // A run can begin and end within one tick of the clock.
  const elapsedMs = run === null ? 1 : Math.max(1, (finishedAtMs ?? nowMs) - run.startedAtMs);
  return [
    one(name("running"), "1 while a run goes on, also while it is paused.", isActive(job) ? 1 : 0),
    one(
      name("paused"),
      "1 while a run waits because store or seal failed.",
      job.phase === "paused" ? 1 : 0,
    ),
    one(
      name("run_entries"),
      "Wrapped entries when the current or last run began.",
      run?.total ?? 0,
    ),
    one(name("run_processed_entries"), "Of them, brought to an outcome.", run?.processed ?? 0),
    one(name("run_succeeded_entries"), "Of them, under the run's key.", run?.succeeded ?? 0),
    one(name("run_failed_entries"), "Of them, could not be rewrapped.", run?.failed ?? 0),
    one(
      name("run_skipped_entries"),
      "Of them, already under the run's key before it.",
      run?.skipped ?? 0,
    ),
    one(
      name("run_entries_per_second"),
      "Entries rewrapped per second, on average over the current or last run.",
      (rewrapped * 1000) / elapsedMs,
    ),
    one(
      name("run_start_timestamp_seconds"),
      "When the current or last run began, in seconds since 1970; 0 for none.",
      (run?.startedAtMs ?? 0) / 1000,
    ),
    one(
      name("run_end_timestamp_seconds"),
      "When the last run ended, in seconds since 1970; 0 while one goes on, and for none.",
      (finishedAtMs ?? 0) / 1000,
    ),
    gauge(
      name("run_result"),
      "1 for how the last run ended; 0 for all while one goes on.",
      RESULTS.map((name) => ({ labels: { result: name }, value: name === result ? 1 : 0 })),
    ),
  ];
}

function sealFamilies(
  unsealed: UnsealedVault,
  metrics: Metrics,
  counts: ReadonlyMap<string, number>,
): readonly Family[] {
  const work = (
    name: string,
    help: string,
    kind: Parameters<Metrics["sealWork"]["get"]>[0],
  ): Family => one(name, help, metrics.sealWork.get(kind) ?? 0, "counter");
  const current = unsealed.sealKeyId;
  const entries = [...new Map([[current, 0], ...counts])];
  return [
    gauge("sealwright.seal.info", "The seal and the id of its key.", [
      { labels: { type: unsealed.config.type, key_id: current }, value: 1 },
    ]),
    one(
      "sealwright.seal.healthy",
      "0 when the last value could not be wrapped or unwrapped.",
      metrics.sealWorks ? 1 : 0,
    ),
    one(
      "sealwright.seal.auto_unseal_failures_total",
      "Times the vault could not unseal by itself.",
      metrics.autoUnsealFailures,
      "counter",
    ),
    work("vault.seal.encrypt", "Entries wrapped by the seal.", "wrapped"),
    work("vault.seal.encrypt.error", "Entries it could not wrap.", "not wrapped"),
    work("vault.seal.decrypt", "Entries unwrapped by the seal.", "unwrapped"),
    work("vault.seal.decrypt.error", "Entries it could not unwrap.", "not unwrapped"),
    gauge(
      "sealwright.seal.wrapped_entries",
      "Entries that a seal key wraps.",
      entries.map(([keyId, value]) => ({ labels: { key_id: keyId }, value })),
    ),
    gauge(
      "sealwright.seal.stale_entries",
      "Entries that a seal key wraps which is not the current one.",
      entries.map(([keyId, value]) => ({
        labels: { key_id: keyId },
        value: keyId === current ? 0 : value,
      })),
    ),
  ];
}

function barrierFamilies({ barrier }: UnsealedVault): readonly Family[] {
  const { term, installTimeMs } = activeTerm(barrier.keyring);
  return [
    one("sealwright.barrier.term", "Number of the active term.", term),
    one(
      "sealwright.barrier.term_start_timestamp_seconds",
      "When the active term began, in seconds since 1970.",
      installTimeMs / 1000,
    ),
    counter(
      "vault.barrier.estimated_encryptions",
      "Encryptions under the active term; after a crash rather too many than too few.",
      [{ labels: { term: String(term) }, value: barrier.operations }],
    ),
    one(
      "sealwright.barrier.term_encryptions_max",
      "Encryptions after which a new term begins.",
      barrier.keyring.rotation.maxOperations,
    ),
  ];
}

function gauge(name: string, help: string, series: readonly Series[]): Family {
  return { type: "gauge", name, help, series };
}

function counter(name: string, help: string, series: readonly Series[]): Family {
  return { type: "counter", name, help, series };
}

/** A family with one series and no labels. */
function one(
  name: string,
  help: string,
  value: number,
  type: "counter" | "gauge" = "gauge",
): Family {
  return { type, name, help, series: [{ labels: {}, value }] };
}
