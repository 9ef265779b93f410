/** One request, parsed once at the edge: everything handlers may look at. */

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
  /** Who may use the legacy rekey endpoints without a token. */
  readonly rekeyAccess: AccessMode;
  readonly generateRootAccess: AccessMode;
  /** Address of the peer, for logs; null when the platform does not tell. */
  readonly clientAddress: (request: Request, env?: unknown) => string | null;
  /** Aborted when the client has left. Left out: nobody tells. */
  readonly clientSignal?: (request: Request, env?: unknown) => AbortSignal | null;
  readonly version: string;
  /** Clients connect by TLS, which ends here or at a proxy. */
  readonly isReachedByTls: boolean;
  /** How often an address may try what needs no token; null or absent: as often as it wants. */
  readonly rateLimit?: Rate | null;
}

/** Answers `?help=1`. `version`: of the product. */
export interface HelpPages {
  /** `asked`: the path below the mount. */
  helpReply(asked: string, path: DescribedPath, version: string): Response;
  rawHelpReply(endpoint: DescribedEndpoint, version: string): Response;
}

export interface AppContext {
  readonly vault: Vault;
  readonly options: AppOptions;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Loaded when the first client asks for help. */
  readonly help: () => Promise<HelpPages>;
  /** Tries of clients that have not shown a valid token. */
  readonly anonymous: RateLimiter;
}

/** What writes a request and its end to the audit devices. Each throws `AuditFailed`. */
export interface Trail {
  /** The entry of a request that will be served. */
  begin(decision: TrailDecision | null, operation?: string): Promise<void>;
  /** The entry of an answer. */
  answer(reply: AuditedReply): Promise<void>;
  /** The same for an answer of which only the body is at hand. */
  answerBody(response: Response): Promise<void>;
  /** What is missing when a request was refused. */
  refused(error: unknown): Promise<void>;
  /** To be called once the request is answered, however it ended. */
  end(): void;
}

/** What the policies said, as `access/policies/acl.ts` answers it. */
export interface TrailDecision {
  readonly allowed: boolean;
  readonly policyNames?: readonly string[];
}

const INIT_PATH = "sys/init";

/**
 * Bodies by request, each read once: the audit trail of a raw endpoint and the guard of response
 * wrapping look at a body before its handler does.
 */
const TEXTS = new WeakMap<Request, Promise<string>>();

export class Call {
  readonly context: AppContext;
  readonly request: Request;
  /** Decoded, below `/v1/`, without a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Set once the token was found valid. */
  token: StoredToken | null = null;
  /** The token has answered its last request with this one. */
  endsToken = false;
  /** Nobody is asked for a token: what is not served is said without the form of a list. */
  answersBare = false;
  /** Null while the request is not audited. */
  trail: Trail | null = null;
  /** What the server passed along with the request. */
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

  /** Address of the peer; null when the platform does not tell. */
  get remoteAddress(): string | null {
    return this.context.options.clientAddress(this.request, this.#env);
  }

  /** Aborted when the client has left; null where the platform does not tell. */
  get signal(): AbortSignal | null {
    return this.context.options.clientSignal?.(this.request, this.#env) ?? null;
  }

  get vault(): Vault {
    return this.context.vault;
  }

  get method(): string {
    return this.request.method;
  }

  /** The namespace header as sent; null for none. */
  get namespace(): string | null {
    return this.request.headers.get("x-vault-namespace");
  }

  /** The client asks what the path is for, and for nothing else. */
  get wantsHelp(): boolean {
    return (this.query.get("help") ?? "") !== "";
  }

  /** The client asked for more than the reference's keys. */
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

  /** The body as a JSON object; {} for none. Throws `invalid_request` or `BodyTooLarge`. */
  jsonBody(): Promise<JsonObject> {
    this.#json ??= this.#bodyText().then(parseJsonBody);
    return this.#json;
  }

  /** The body of an engine request: JSON whatever it is called, or a form that is one. */
  async body(): Promise<JsonObject> {
    const text = await this.#bodyText();
    const type = this.request.headers.get("content-type") ?? "";
    const isForm = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(type) &&
      !/^\s*[{[]/.test(text);
    return isForm ? parseForm(text) : await this.jsonBody();
  }

  /** Counts a try of somebody without a valid token. Throws `rate_limited` after too many. */
  countAnonymous(): void {
    if (this.context.anonymous.admit(this.remoteAddress)) return;
    throw new VaultError("rate_limited", `request path "${this.path}": rate limit quota exceeded`);
  }

  #bodyText(): Promise<string> {
    const text = TEXTS.get(this.request) ?? readBodyText(this.request, this.#bodyLimit());
    TEXTS.set(this.request, text);
    return text;
  }

  /** The token is looked up before more is read than anybody may send. */
  #bodyLimit(): BodyLimit {
    const maxBytes = this.path === INIT_PATH ? INIT_BODY_MAX_BYTES : ANONYMOUS_BODY_MAX_BYTES;
    const more = async (): Promise<number> => {
      if (await this.hasValidToken()) return REQUEST_BODY_MAX_BYTES;
      // Otherwise tokens could be tried without limit.
      this.countAnonymous();
      return maxBytes;
    };
    return { maxBytes, more };
  }

  /** Whether a valid token came with it, from where that may be used. No use of it is counted. */
  async hasValidToken(): Promise<boolean> {
    if (this.tokenText === "") return false;
    await this.vault.wake();
    if (this.vault.status().sealed) return false;
    const stored = await this.vault.unsealed().tokens.find(this.tokenText);
    return stored !== null && mayComeFrom(this.remoteAddress, stored.token.boundCidrs);
  }
}
