/** One request, parsed once at the edge: everything handlers may look at. */

import type { StoredToken } from "../access/token.ts";
import type { RandomBytes } from "../crypto/random.ts";
import type { Log } from "../log.ts";
import type { Vault } from "../vault/vault.ts";
import { parseForm, parseJsonObject, readBodyText } from "./json.ts";
import type { JsonObject } from "./replies.ts";

export type AccessMode = "token" | "token-to-start" | "open";

export interface AppOptions {
  /** Who may use the legacy rekey endpoints without a token. */
  readonly rekeyAccess: AccessMode;
  readonly generateRootAccess: AccessMode;
  /** Address of the peer, for logs; null when the platform does not tell. */
  readonly clientAddress: (request: Request, env?: unknown) => string | null;
  readonly version: string;
}

export interface AppContext {
  readonly vault: Vault;
  readonly options: AppOptions;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
}

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

  constructor(context: AppContext, request: Request, path: string, query: URLSearchParams) {
    this.context = context;
    this.request = request;
    this.path = path;
    this.query = query;
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

  /** The client asked for more than the reference's keys. */
  get wantsDetail(): boolean {
    return isTrue(this.query.get("detail"));
  }

  get wantsList(): boolean {
    return isTrue(this.query.get("list"));
  }

  /** The request's token, or "". `X-Vault-Token` wins over `Authorization: Bearer`. */
  get tokenText(): string {
    const header = this.request.headers.get("x-vault-token")?.trim() ?? "";
    if (header !== "") return header;
    const authorization = this.request.headers.get("authorization") ?? "";
    return authorization.startsWith("Bearer ") ? authorization.slice("Bearer ".length).trim() : "";
  }

  /** The body as a JSON object; {} for none. Throws `invalid_request` or `BodyTooLarge`. */
  async jsonBody(): Promise<JsonObject> {
    return parseJsonObject(await readBodyText(this.request)) ?? {};
  }

  /** The body of an engine request: JSON whatever it is called, or a form that is one. */
  async body(): Promise<JsonObject> {
    const text = await readBodyText(this.request);
    const type = this.request.headers.get("content-type") ?? "";
    const isForm = type.startsWith("application/x-www-form-urlencoded") && !/^\s*[{[]/.test(text);
    return isForm ? parseForm(text) : parseJsonObject(text) ?? {};
  }
}

function isTrue(text: string | null): boolean {
  return text !== null && ["1", "t", "T", "TRUE", "true", "True"].includes(text);
}
