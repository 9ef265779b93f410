/**
 * What a running vault counts about itself: requests, attempts, and the seal's work. Counters start
 * at zero with the process; facts that are stored anyway are read from the store on demand. This
 * file reads no clock and never sees a path, a name, a token or a share: its types allow only a
 * fixed set of words.
 */

export type Area = "sys" | "auth" | "engine";
export type RequestOperation = "read" | "list" | "update" | "patch" | "delete" | "other";
export type ReplyClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx";

export type AttemptName = "barrier" | "recovery" | "generate_root";
/** `cancelled` is by request. Sealing ends attempts too, but a sealed vault shows no metrics. */
export type AttemptEvent =
  | "started"
  | "share_accepted"
  | "share_refused"
  | "completed"
  | "cancelled"
  | "expired";

const DURATION_BOUNDS_SECONDS = [.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

export class Histogram {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** Values up to each bound and above the previous one. The last counts those above all bounds. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = [...bounds, 0].fill(0);
  }

  observe(value: number): void {
    let index = 0;
    while (value > (this.bounds[index] ?? Infinity)) index += 1;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.sum += value;
  }
}

export class Metrics {
  /** When counting began. */
  readonly startedAtMs: number;
  readonly requests = new Map<`${Area} ${RequestOperation} ${ReplyClass}`, number>();
  readonly durations = new Map<RequestOperation, Histogram>();
  readonly attempts = new Map<`${AttemptName} ${AttemptEvent}`, number>();
  readonly sealWork = new Map<"wrapped" | "unwrapped" | "not wrapped" | "not unwrapped", number>();
  requestsInFlight = 0;
  autoUnsealFailures = 0;
  /** Whether the seal's last operation succeeded. */
  sealWorks = true;

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs;
  }

  /** `durationMs` may be negative, if the clock was set back meanwhile; it then counts as zero. */
  countRequest(
    area: Area,
    operation: RequestOperation,
    reply: ReplyClass,
    durationMs: number,
  ): void {
    addOne(this.requests, `${area} ${operation} ${reply}`);
    const known = this.durations.get(operation);
    const histogram = known ?? new Histogram(DURATION_BOUNDS_SECONDS);
    if (known === undefined) this.durations.set(operation, histogram);
    histogram.observe(Math.max(0, durationMs) / 1000);
  }

  countAttempt(name: AttemptName, event: AttemptEvent): void {
    addOne(this.attempts, `${name} ${event}`);
  }

  countSealWork(work: "wrapped" | "unwrapped", worked: boolean): void {
    addOne(this.sealWork, worked ? work : `not ${work}`);
    this.sealWorks = worked;
  }

  countAutoUnsealFailure(): void {
    this.autoUnsealFailures += 1;
    this.sealWorks = false;
  }
}

function addOne<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
