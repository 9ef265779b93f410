/**
 * The errors that a server answers itself, without the application, in Vault's shape. Unlike the
 * application's replies they have no HSTS header and no line break at the end.
 */

export function errorResponse(status: number, errors: readonly string[]): Response {
  return Response.json({ errors }, { status, headers: { "cache-control": "no-store" } });
}
