/** Errors that a server answers without the application: no HSTS header, no final line break. */

/** In Vault's shape. */
export function errorResponse(status: number, errors: readonly string[]): Response {
  return Response.json({ errors }, { status, headers: { "cache-control": "no-store" } });
}
