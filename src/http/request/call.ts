/** One request, parsed once at the edge. Holds everything that handlers may look at. */

import { mayComeFrom } from "../../access/cidr.ts";
import type { StoredToken } from "../../access/tokens/token.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { VaultError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Vault } from "../../vault/vault.ts";
import {
  ANONYMOUS_BODY_MAX_BYTES,
  INIT_BODY_MAX_BYTES,
  REQUEST_BODY_MAX_BYTES,
} from "../../limits.ts";
import { type BodyLimit, parseForm, parseJsonBody, readBodyText } from "./json.ts";
import type { Rate, RateLimiter } from "./rate_limit.ts";
import { isTrue } from "./query.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import type { AuditedReply } from "../../audit/entry.ts";
import type { DescribedEndpoint, DescribedPath } from "../../wire/described_path.ts";

export type AccessMode = "token" | "token-to-start" | "open";

export interface AppOptions {
  /** When the legacy rekey endpoints can be used without a token. */
  readonly rekeyAccess: AccessMode;
  readonly generateRootAccess: AccessMode;
  /** Address of the peer, for logs; null if the platform does not report it. */
  readonly clientAddress: (request: Request, env?: unknown) => string | null;
  /** Aborted when the client has left. Omit if the platform does not report it. */
  readonly clientSignal?: (request: Request, env?: unknown) => AbortSignal | null;
  readonly version: string;
  /** Clients connect by TLS, which ends here or at a proxy. */
  readonly isReachedByTls: boolean;
  /** Rate of requests without a valid token, per address. Null or absent: no limit. */
  readonly rateLimit?: Rate | null;
}

/** Answers `?help=1`. `version` is the product's. */
export interface HelpPages {
  /** `asked` is the path below the mount. */
  helpReply(asked: string, path: DescribedPath, version: string): Response;
  rawHelpReply(endpoint: DescribedEndpoint, version: string): Response;
}

export interface AppContext {
  readonly vault: Vault;
  readonly options: AppOptions;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Loads the pages on the first request for help. */
  readonly help: () => Promise<HelpPages>;
  /** Counts requests of clients that have not shown a valid token. */
  readonly anonymous: RateLimiter;
}

/** Writes a request and its outcome to the audit devices. Each method throws `AuditFailed`. */
export interface Trail {
  /** Writes the request's entry before it is served. */
  begin(decision: TrailDecision | null, operation?: string): Promise<void>;
  /** Writes the answer's entry. */
  answer(reply: AuditedReply): Promise<void>;
  /** Like `answer`, for a response of which only the body is known. */
  answerBody(response: Response): Promise<void>;
  /** Writes the entries that a refused request still lacks. */
  refused(error: unknown): Promise<void>;
  /** Must be called once the request is answered, however it ended. */
  end(): void;
}

/** The policies' decision, as `access/policies/acl.ts` answers it. */
export interface TrailDecision {
  readonly allowed: boolean;
  readonly policyNames?: readonly string[];
}

const INIT_PATH = "sys/init";

/**
 * Bodies by request, each read once: the audit trail of a raw endpoint and the guard of response
 * wrapping read a body before its handler does.
 */
const TEXTS = new WeakMap<Request, Promise<string>>();

export class Call {
  readonly context: AppContext;
  readonly request: Request;
  /** Decoded, below `/v1/`, without a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Set once the token has been found valid. */
  token: StoredToken | null = null;
  /** The token's last use is spent on this request. */
  endsToken = false;
  /** The path needs no token, so "not served" errors are sent without multierror's form. */
  answersBare = false;
  /** Null while the request is not audited. */
  trail: Trail | null = null;
  /** Passed along by the server. */
  readonly #env: unknown;
  #requestId: string | null = null;
  #json: Promise<JsonObject> | null = null;

  constructor(
    context: AppContext,
    request: Request,
    path: string,
    query: URLSearchParams,
    env?: unknown,
  ) {
    this.context = context;
    this.request = request;
    this.path = path;
    this.query = query;
    this.#env = env;
  }

  /** The id of this request in the envelope and in the audit trail. */
  get requestId(): string {
    this.#requestId ??= randomUuid(this.context.random);
    return this.#requestId;
  }

  /** Address of the peer; null if the platform does not report it. */
  get remoteAddress(): string | null {
    return this.context.options.clientAddress(this.request, this.#env);
  }

  /** Aborted when the client has left; null if the platform does not report it. */
  get signal(): AbortSignal | null {
    return this.context.options.clientSignal?.(this.request, this.#env) ?? null;
  }

  get vault(): Vault {
    return this.context.vault;
  }

  get method(): string {
    return this.request.method;
  }

  /** The namespace header as sent; null if absent. */
  get namespace(): string | null {
    return this.request.headers.get("x-vault-namespace");
  }

  /** The client asks for a description of the path, and for nothing else. */
  get wantsHelp(): boolean {
    return (this.query.get("help") ?? "") !== "";
  }

  /** The client asks for members beyond the reference's. */
  get wantsDetail(): boolean {
    return isTrue(this.query.get("detail"));
  }

  /** The request's token, or "". `X-Vault-Token` wins over `Authorization: Bearer`. */
  get tokenText(): string {
    const header = this.request.headers.get("x-vault-token")?.trim() ?? "";
    if (header !== "") return header;
    const authorization = this.request.headers.get("authorization") ?? "";
    return authorization.startsWith("Bearer ") ? authorization.slice("Bearer ".length).trim() : "";
  }

  /** The body as a JSON object; {} if empty. Throws `invalid_request` or `BodyTooLarge`. */
  jsonBody(): Promise<JsonObject> {
    this.#json ??= this.#bodyText().then(parseJsonBody);
    return this.#json;
  }

  /** The body of an engine request: JSON, or a declared form unless it looks like JSON. */
  async body(): Promise<JsonObject> {
    const text = await this.#bodyText();
    const type = this.request.headers.get("content-type") ?? "";
    const isForm = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(type) &&
      !/^\s*[{[]/.test(text);
    return isForm ? parseForm(text) : await this.jsonBody();
  }

  /** Counts a request without a valid token. Throws `rate_limited` above the limit. */
  countAnonymous(): void {
    if (this.context.anonymous.admit(this.remoteAddress)) return;
    throw new VaultError("rate_limited", `request path "${this.path}": rate limit quota exceeded`);
  }

  #bodyText(): Promise<string> {
    const text = TEXTS.get(this.request) ?? readBodyText(this.request, this.#bodyLimit());
    TEXTS.set(this.request, text);
    return text;
  }

  /** Beyond the anonymous limit, the body is read only after the token was looked up. */
  #bodyLimit(): BodyLimit {
    const maxBytes = this.path === INIT_PATH ? INIT_BODY_MAX_BYTES : ANONYMOUS_BODY_MAX_BYTES;
    const more = async (): Promise<number> => {
      if (await this.hasValidToken()) return REQUEST_BODY_MAX_BYTES;
      // Otherwise tokens could be guessed without limit.
      this.countAnonymous();
      return maxBytes;
    };
    return { maxBytes, more };
  }

  /** Whether the request has a valid token that may be used from its address. Spends no use. */
  async hasValidToken(): Promise<boolean> {
    if (this.tokenText === "") return false;
    await this.vault.wake();
    if (this.vault.status().sealed) return false;
    const stored = await this.vault.unsealed().tokens.find(this.tokenText);
    return stored !== null && mayComeFrom(this.remoteAddress, stored.token.boundCidrs);
  }
}
