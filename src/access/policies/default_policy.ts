/**
 * The texts of the built-in policies. Every token has `default` unless it refuses it. It lets a
 * token manage itself, its own cubbyhole and response wrapping, and nothing else. Paths as in
 * OpenBao's.
 */

export const DEFAULT_POLICY_TEXT = `# A token may look at itself, renew itself and end itself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# It may ask what it is allowed to do; the web page asks the second way.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# Who logged in may look at the entity that the login belongs to.
path "identity/entity/id/{{identity.entity.id}}" {
  capabilities = ["read"]
}
path "identity/entity/name/{{identity.entity.name}}" {
  capabilities = ["read"]
}

# There are no OIDC providers here; who asks one is told so instead of being refused.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}

# Leases are looked up and renewed by whoever knows their id.
path "sys/leases/lookup" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
}

# The cubbyhole belongs to the token alone.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# Response wrapping: wrap any data, look at a wrapping token, unwrap it.
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}
path "sys/wrapping/lookup" {
  capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

# Hashing keeps nothing and reveals nothing.
path "sys/tools/hash" {
  capabilities = ["update"]
}
path "sys/tools/hash/*" {
  capabilities = ["update"]
}
`;

/** Lets a wrapping token look at its own reply and take it. This policy cannot be changed. */
export const RESPONSE_WRAPPING_POLICY_TEXT =
  `# The wrapped answer lies in the cubbyhole of the token.
path "cubbyhole/response" {
  capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
`;
