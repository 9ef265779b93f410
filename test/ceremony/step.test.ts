import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CeremonyHead,
  type CeremonyState,
  IDLE,
  type PendingKey,
  verificationsRequired,
} from "../../src/ceremony/state.ts";
import {
  beginVerification,
  type CeremonyEvent,
  type NewShareSubmission,
  type Outcome,
  type Refusal,
  step,
  withoutGiven,
} from "../../src/ceremony/step.ts";
import { type Share, share as asShare } from "../../src/crypto/keys.ts";

/** A share whose bytes are all its number; for a new share that is also its place. */
const share = (fill: number): Share => asShare(new Uint8Array(33).fill(fill));

const HEAD: CeremonyHead = {
  ceremonyId: "N",
  parameters: {
    shares: 4,
    threshold: 2,
    recipients: null,
    backup: false,
    requireVerification: true,
    verifyAll: false,
  },
  required: 3,
  startedAtMs: 1000,
  startedBy: null,
  expiresAtMs: 2000,
};
const PENDING: PendingKey = {
  checks: { salt: new Uint8Array(32), macs: [] },
  keyCheck: { salt: new Uint8Array(32), mac: new Uint8Array(32) },
  encryptedShares: null,
  backup: false,
  confirmed: [],
};
type Gathering = Extract<CeremonyState, { phase: "gathering" }>;
type Verifying = Extract<CeremonyState, { phase: "verifying" }>;
const GATHERING: Gathering = {
  phase: "gathering",
  head: HEAD,
  given: [1],
  earlyVerificationId: null,
};
const VERIFYING: Verifying = {
  phase: "verifying",
  head: HEAD,
  verificationId: "V",
  verified: [],
  kept: [],
  pending: PENDING,
};
const VERIFYING_ONE: Verifying = { ...VERIFYING, verified: [1], kept: [share(1)] };
const VERIFYING_ALL: Verifying = {
  ...VERIFYING_ONE,
  head: { ...HEAD, parameters: { ...HEAD.parameters, verifyAll: true } },
};
const VERIFYING_THE_ONLY: Verifying = {
  ...VERIFYING,
  head: { ...HEAD, parameters: { ...HEAD.parameters, shares: 1, threshold: 1 } },
};

const given = (
  kind: "submit" | "verify",
  fill: number,
  id: string,
  { known = true, parametersSeen = true } = {},
): CeremonyEvent => {
  const submission = { place: known ? fill : null, id, parametersSeen };
  return kind === "submit"
    ? { kind, submission }
    : { kind, submission: { ...submission, share: share(fill) } };
};
const start: CeremonyEvent = { kind: "start", head: HEAD };
const restart: CeremonyEvent = { kind: "restart_verification", verificationId: "V2" };
const cancel: CeremonyEvent = { kind: "cancel" };

const advanced = (state: CeremonyState): Outcome => ({ kind: "advanced", state });
const refused = (refusal: Refusal): Outcome => ({ kind: "refused", refusal });

describe("step()", () => {
  it.each<[string, CeremonyState, CeremonyEvent, Outcome]>([
    ["an idle ceremony starts", IDLE, start, advanced({ ...GATHERING, given: [] })],
    [
      "an idle ceremony takes no share",
      IDLE,
      given("submit", 1, ""),
      refused({ code: "not_in_progress" }),
    ],
    [
      "an idle ceremony takes no new share",
      IDLE,
      given("verify", 1, ""),
      refused({ code: "not_in_progress" }),
    ],
    [
      "an idle ceremony has no verification to restart",
      IDLE,
      restart,
      refused({ code: "not_in_progress" }),
    ],
    ["an idle ceremony stays idle when cancelled", IDLE, cancel, advanced(IDLE)],

    [
      "a gathering ceremony does not start twice",
      GATHERING,
      start,
      refused({ code: "already_in_progress" }),
    ],
    [
      "a gathering ceremony takes a share",
      GATHERING,
      given("submit", 2, "N"),
      advanced({ ...GATHERING, given: [1, 2] }),
    ],
    [
      "a gathering ceremony has its quorum with the last share needed",
      { ...GATHERING, given: [1, 2] },
      given("submit", 3, "N"),
      { kind: "quorum" },
    ],
    [
      "a gathering ceremony has its quorum at once when one share is needed",
      { ...GATHERING, head: { ...HEAD, required: 1 }, given: [] },
      given("submit", 3, "N"),
      { kind: "quorum" },
    ],
    [
      "a gathering ceremony refuses another nonce",
      GATHERING,
      given("submit", 2, "n"),
      refused({ code: "wrong_ceremony_id", expected: "N" }),
    ],
    [
      "a gathering ceremony refuses a missing nonce",
      GATHERING,
      given("submit", 2, ""),
      refused({ code: "wrong_ceremony_id", expected: "N" }),
    ],
    [
      "a gathering ceremony refuses a holder who saw other parameters",
      GATHERING,
      given("submit", 2, "N", { parametersSeen: false }),
      refused({ code: "parameters_changed" }),
    ],
    [
      "a gathering ceremony refuses the same share again",
      GATHERING,
      given("submit", 1, "N"),
      refused({ code: "duplicate_share" }),
    ],
    [
      "a gathering ceremony refuses a wrong share",
      GATHERING,
      given("submit", 2, "N", { known: false }),
      refused({ code: "unknown_share" }),
    ],
    [
      "a gathering ceremony verifies nothing, whatever is submitted",
      GATHERING,
      given("verify", 2, "x", { known: false, parametersSeen: false }),
      refused({ code: "verification_not_in_progress" }),
    ],
    [
      "a gathering ceremony notes the nonce of a verification to come",
      GATHERING,
      restart,
      advanced({ ...GATHERING, earlyVerificationId: "V2" }),
    ],
    ["a gathering ceremony ends when cancelled", GATHERING, cancel, advanced(IDLE)],

    [
      "a verifying ceremony does not start twice",
      VERIFYING,
      start,
      refused({ code: "already_in_progress" }),
    ],
    [
      "a verifying ceremony takes no old share, whatever is submitted",
      VERIFYING,
      given("submit", 2, "x", { known: false, parametersSeen: false }),
      refused({ code: "already_finished", verificationId: "V" }),
    ],
    [
      "a verifying ceremony takes a new share",
      VERIFYING,
      given("verify", 1, "V"),
      advanced(VERIFYING_ONE),
    ],
    [
      "a verifying ceremony is done with as many as the new threshold",
      VERIFYING_ONE,
      given("verify", 2, "V"),
      { kind: "verified", shares: [share(1), share(2)] },
    ],
    [
      "a verifying ceremony is done at once when one share is enough",
      VERIFYING_THE_ONLY,
      given("verify", 0, "V"),
      { kind: "verified", shares: [share(0)] },
    ],
    [
      "a ceremony with verify_all goes on beyond the new threshold, noting only which share it was",
      VERIFYING_ALL,
      given("verify", 2, "V"),
      advanced({ ...VERIFYING_ALL, verified: [1, 2] }),
    ],
    [
      "a ceremony with verify_all refuses to take a noted share again",
      { ...VERIFYING_ALL, verified: [1, 2] },
      given("verify", 2, "V"),
      refused({ code: "duplicate_new_share" }),
    ],
    [
      "a ceremony with verify_all is done with every new share, and returns a threshold of them",
      { ...VERIFYING_ALL, verified: [1, 2, 3] },
      given("verify", 0, "V"),
      { kind: "verified", shares: [share(1), share(0)] },
    ],
    [
      "a verifying ceremony refuses the attempt's nonce",
      VERIFYING_ONE,
      given("verify", 2, "N"),
      refused({ code: "wrong_verification_id", expected: "V" }),
    ],
    [
      "a verifying ceremony refuses a holder who saw other parameters",
      VERIFYING_ONE,
      given("verify", 2, "V", { parametersSeen: false }),
      refused({ code: "parameters_changed" }),
    ],
    [
      "a verifying ceremony refuses the same new share again",
      VERIFYING_ONE,
      given("verify", 1, "V"),
      refused({ code: "duplicate_new_share" }),
    ],
    [
      "a verifying ceremony refuses a wrong new share",
      VERIFYING_ONE,
      given("verify", 2, "V", { known: false }),
      refused({ code: "unknown_new_share" }),
    ],
    [
      "a verifying ceremony that restarts forgets its shares and renews the nonce",
      VERIFYING_ONE,
      restart,
      advanced({ ...VERIFYING, verificationId: "V2" }),
    ],
    ["a verifying ceremony ends when cancelled", VERIFYING_ONE, cancel, advanced(IDLE)],
  ])("%s", (_name, state, event, outcome) => {
    expect(step(state, event)).toEqual(outcome);
  });

  const faults = [false, true].flatMap((id) =>
    [false, true].flatMap((parameters) =>
      [false, true].flatMap((duplicate) =>
        [false, true].map((unknown) => ({ id, parameters, duplicate, unknown }))
      )
    )
  ).filter((fault) => Object.values(fault).includes(true));

  it.each(faults)("step() names the first fault of several: %j", (fault) => {
    const number = fault.duplicate ? 1 : 2;
    const submission = {
      place: fault.unknown ? null : number,
      id: fault.id ? "x" : "right",
      parametersSeen: !fault.parameters,
    };
    // Only a known share can be a duplicate.
    const first = (id: string, duplicate: string, unknown: string): string => {
      if (fault.id) return id;
      if (fault.parameters) return "parameters_changed";
      return fault.unknown ? unknown : duplicate;
    };
    const gathering = { ...GATHERING, head: { ...HEAD, ceremonyId: "right" } };
    const verifying = { ...VERIFYING_ONE, verificationId: "right" };
    expect(step(gathering, { kind: "submit", submission })).toMatchObject({
      refusal: { code: first("wrong_ceremony_id", "duplicate_share", "unknown_share") },
    });
    const verify = { kind: "verify", submission: { ...submission, share: share(number) } } as const;
    expect(step(verifying, verify)).toMatchObject({
      refusal: { code: first("wrong_verification_id", "duplicate_new_share", "unknown_new_share") },
    });
  });
});

describe("withoutGiven()", () => {
  it("withoutGiven() forgets the given shares and sets how many are needed now", () => {
    const state = withoutGiven({ ...GATHERING, earlyVerificationId: "V2" }, 5);
    expect(state).toEqual({
      ...GATHERING,
      head: { ...HEAD, required: 5 },
      given: [],
      earlyVerificationId: "V2",
    });
  });
});

/** Shares below KNOWN are right; each share is its own number. */
const KNOWN = 4;
const mostly = fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false));
const anyEvent = fc.record({
  kind: fc.oneof(
    { weight: 10, arbitrary: fc.constant("submit" as const) },
    { weight: 8, arbitrary: fc.constant("verify" as const) },
    { weight: 4, arbitrary: fc.constant("start" as const) },
    fc.constantFrom("restart" as const, "cancel" as const),
  ),
  fill: fc.integer({ min: 0, max: KNOWN }),
  rightId: mostly,
  seen: mostly,
});
type AnyEvent = typeof anyEvent extends fc.Arbitrary<infer Event> ? Event : never;

/** The expected state of an attempt: a model that shares no code with `step`. */
interface Model {
  attempt: { id: string; given: Set<number> } | null;
  verification: { id: string; given: Set<number> } | null;
}

function eventOf(event: AnyEvent, model: Model, head: CeremonyHead, nonce: string): CeremonyEvent {
  const { kind, fill, rightId, seen } = event;
  const known = fill < KNOWN;
  const submission = (id: string | undefined): NewShareSubmission => ({
    share: share(fill),
    id: rightId ? id ?? "" : "wrong",
    place: known ? fill : null,
    parametersSeen: seen,
  });
  switch (kind) {
    case "start":
      return { kind: "start", head: { ...head, ceremonyId: nonce } };
    case "submit":
      return { kind: "submit", submission: submission(model.attempt?.id) };
    case "verify":
      return { kind: "verify", submission: submission(model.verification?.id) };
    case "restart":
      return { kind: "restart_verification", verificationId: nonce };
    default:
      return { kind: "cancel" };
  }
}

function checkState(state: CeremonyState, model: Model): void {
  const given = [...model.verification?.given ?? []];
  switch (state.phase) {
    case "idle":
      expect([model.attempt, model.verification]).toEqual([null, null]);
      break;
    case "gathering":
      expect(state.head.ceremonyId).toBe(model.attempt?.id);
      expect(model.verification).toBeNull();
      expect(state.given).toEqual([...model.attempt?.given ?? []]);
      expect(state.given.length).toBeLessThan(state.head.required);
      break;
    case "verifying":
      expect(state.head.ceremonyId).toBe(model.attempt?.id);
      expect(state.verificationId).toBe(model.verification?.id);
      expect(state.verified).toEqual(given);
      expect(state.verified.length).toBeLessThan(verificationsRequired(state.head.parameters));
      expect(state.kept).toEqual(given.slice(0, state.head.parameters.threshold - 1).map(share));
      break;
  }
}

/** Records in the model what `event` must do. Returns true if it must install the new key. */
function record(model: Model, event: AnyEvent, head: CeremonyHead, nonce: string): boolean {
  const { attempt, verification } = model;
  const right = event.rightId && event.seen && event.fill < KNOWN;
  if (event.kind === "start" && attempt === null) {
    model.attempt = { id: nonce, given: new Set() };
  } else if (event.kind === "cancel") {
    Object.assign(model, { attempt: null, verification: null });
  } else if (event.kind === "restart" && verification !== null) {
    model.verification = { id: nonce, given: new Set() };
  } else if (event.kind === "submit" && attempt !== null && verification === null && right) {
    attempt.given.add(event.fill);
    if (attempt.given.size === head.required) model.verification = { id: nonce, given: new Set() };
  } else if (event.kind === "verify" && verification !== null && right) {
    verification.given.add(event.fill);
    if (verification.given.size < verificationsRequired(head.parameters)) return false;
    Object.assign(model, { attempt: null, verification: null });
    return true;
  }
  return false;
}

describe("sequences of events", () => {
  it.each([
    ["a quorum", VERIFYING.head],
    ["every new share", VERIFYING_ALL.head],
  ])(
    "step() installs a key only after distinct, right shares of both keys; verifying %s",
    (_name, head) => {
      let installations = 0;
      fc.assert(
        fc.property(fc.array(anyEvent, { maxLength: 80, size: "max" }), (events) => {
          const model: Model = { attempt: null, verification: null };
          let state: CeremonyState = IDLE;
          for (const [index, event] of events.entries()) {
            const nonce = `nonce ${index}`;
            const before = structuredClone(state);
            const outcome = step(state, eventOf(event, model, head, nonce));
            expect(state).toEqual(before);
            const installs = record(model, event, head, nonce);
            expect(outcome.kind === "verified").toBe(installs);
            switch (outcome.kind) {
              case "advanced":
                state = outcome.state;
                break;
              case "quorum":
                if (state.phase !== "gathering") throw new Error("a quorum outside of gathering");
                expect(state.given).toHaveLength(head.required - 1);
                state = beginVerification(state.head, nonce, PENDING);
                break;
              case "verified":
                expect(new Set(outcome.shares.map(([first]) => first)).size)
                  .toBe(head.parameters.threshold);
                installations += 1;
                state = IDLE;
                break;
              case "refused":
                break;
            }
            checkState(state, model);
          }
        }),
        { numRuns: 100, seed: 7 },
      );
      expect(installations).toBeGreaterThan(5);
    },
  );
});
