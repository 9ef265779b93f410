/** Every bound of the product, units in the name. */

/** Length of a root key, a data key, an unseal key and a recovery key. */
export const KEY_BYTES = 32;
/** Vault's bounds on a submitted key (AES-128 key … share of an AES-256 key). */
export const SUBMITTED_KEY_MIN_BYTES = 16;
export const SUBMITTED_KEY_MAX_BYTES = 33;
/** GF(2^8) has 255 non-zero x coordinates. */
export const SHARES_MAX = 255;
/** GCM nonce (NIST SP 800-38D, 96-bit) and tag. */
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** A body of a caller with a valid token; Vault's default `max_request_size`. */
export const REQUEST_BODY_MAX_BYTES = 32 * 1024 * 1024;
/** A body of a caller without one: logins, shares, wrapping tokens. */
export const ANONYMOUS_BODY_MAX_BYTES = 1024 * 1024;
/** The body of `sys/init`, which may hold a PGP key for each of 255 shares. */
export const INIT_BODY_MAX_BYTES = 4 * 1024 * 1024;
/** Path and query as sent. Node's own bound, which Deno does not have. */
export const TARGET_MAX_CHARS = 16 * 1024;
/** Head of a request: request line and headers. Node's bound is 16 KiB, Go's 1 MiB. */
export const HEAD_MAX_BYTES = 32 * 1024;
export const HEADERS_MAX = 256;
/** One line between the chunks of a body, extensions included. */
export const CHUNK_LINE_MAX_BYTES = 256;
/** Bytes of request bodies and unsent answers that a server holds at once: four of the largest. */
export const TRANSFERS_MAX_BYTES = 4 * REQUEST_BODY_MAX_BYTES;
/** A transfer up to this size is not counted: large ones must not keep small ones out. */
export const TRANSFER_FREE_BYTES = 16 * 1024;
/** Connections of a local server; fewer where the process may not open so many files. */
export const CONNECTIONS_MAX = 4096;
/** Descriptors that are left for the database, the audit file and the runtime itself. */
export const DESCRIPTORS_RESERVED = 64;
/** From its first byte a head has this long to arrive; as long as a TLS handshake may take. */
export const HEAD_MAX_MS = 10_000;
/** A body that comes in, or an answer that goes out, may stand still for this long. */
export const TRANSFER_STALL_MAX_MS = 30_000;
/** A connection may lie idle between requests, and before the first, for this long. */
export const IDLE_MAX_MS = 120_000;
/**
 * What is read and dropped after an answer that closes the connection, so that a client that is still
 * sending gets to read it.
 */
export const DRAIN_MAX_BYTES = 2 * REQUEST_BODY_MAX_BYTES;
/** Supervisors commonly send SIGKILL some seconds after SIGTERM; the store is closed before. */
export const STOP_GRACE_MS = 2000;

/** Attempts at one change of a record that other writers keep changing, before it is given up. */
export const COMMIT_TRIES_MAX = 256;

/** Deeper JSON is refused before it is parsed; as deep as objects can be with so many names. */
export const JSON_DEPTH_MAX = 999;
/** Names and texts of one body; OpenBao's default `max_request_json_strings`. */
export const JSON_TEXTS_MAX = 1000;
/** Objects, lists and values that are no texts. A number that is kept as sent costs 3 µs. */
export const JSON_VALUES_MAX = 20_000;
/** Longer than any honest number, at a cost that grows with each digit. */
export const JSON_NUMBER_MAX_CHARS = 1024;
/** Quotes and backslashes escaped in a body: each is looked at. */
export const JSON_ESCAPES_MAX = 2_000_000;
/** What a parsed body may take by the reference's estimate, not counting what fits in one text. */
export const JSON_MEMORY_MAX_BYTES = REQUEST_BODY_MAX_BYTES + 512 * 1024;
/** A form, or a query: what JSON may have of names and texts, in pairs. */
export const FORM_FIELDS_MAX = 1000;
/** Decoding a form costs more than reading JSON, and no client of Vault sends a large one. */
export const FORM_MAX_BYTES = 4 * 1024 * 1024;
/** Items of one field that is a list, also where it is written as text with commas. */
export const LIST_ITEMS_MAX = 1000;
/** An integer as text. Those of 64 bits have 20 digits; a pattern is tried on each of them. */
export const INTEGER_MAX_CHARS = 64;
/** No duration is longer: `-9223372036854775808ns` has 22 characters. */
export const DURATION_MAX_CHARS = 64;
/** Items of a batch of transit: one costs up to 100 µs, so more would stop others for 2 s. */
export const BATCH_ITEMS_MAX = 16_384;
/** Bytes that `random` draws at once; Vault's `APIMaxBytes`. */
export const RANDOM_MAX_BYTES = 128 * 1024;
/** What is hashed for a caller without a pause: SHA-3 takes 100 ms for each MiB. */
export const HASH_SLICE_BYTES = 256 * 1024;
/** What ChaCha20-Poly1305 works on without a pause, whole blocks of it: some 10 ms. */
export const CHACHA_SLICE_BYTES = 1024 * 1024;
/** Metadata of a secret id, which is JSON or pairs within one text. */
export const SECRET_ID_METADATA_MAX_CHARS = 64 * 1024;
/** Some rules of some dozen characters each; every one is looked at for each password. */
export const PASSWORD_POLICY_MAX_CHARS = 64 * 1024;
/** A policy that is written: parsing it stops others for up to 200 ms. Older ones stay readable. */
export const POLICY_MAX_CHARS = 512 * 1024;
/** Text of one PGP key: base64 of the ASCII armor of `PGP_KEY_MAX_BYTES`. */
export const PGP_KEY_TEXT_MAX_CHARS = 128 * 1024;
/** A key with its own signatures and some of others; a minimal export has some KB. */
export const PGP_KEY_MAX_BYTES = 64 * 1024;
/** Keys, names and signatures of one key. */
export const PGP_PACKETS_MAX = 512;
/** Each is up to 30 ms of work, between pauses; those of others cost nothing and are not counted. */
export const PGP_SIGNATURES_MAX = 64;
/** Of all keys of one request: 255 keys have four each, and a few have many. */
export const PGP_REQUEST_SIGNATURES_MAX = 1024;
/** A Durable Object row holds at most 2 MB; every store keeps the same bound. */
export const RECORD_MAX_BYTES = 2 * 1000 * 1000 - 4096;
/** SQLite key size stays far below its limits; Vault's own bound is of the same order. */
export const PATH_MAX_BYTES = 2048;

/**
 * A larger SQLite file is rewritten at the next start instead of at once: it takes 15 to 30 s for
 * each GB, nothing else runs meanwhile, and 2 s is as long as requests may wait.
 */
export const SCRUB_REBUILD_MAX_BYTES = 96 * 1024 * 1024;

/** A rekey attempt ends by itself after a day. */
export const CEREMONY_TTL_MS = 24 * 60 * 60 * 1000;

/** Entries per rewrap slice: about 12 ms on workerd, so that requests are not starved. */
export const REWRAP_BATCH_ENTRIES = 500;
/** Bytes of values a slice may hold in memory at once. */
export const REWRAP_BATCH_MAX_BYTES = 8 * 1024 * 1024;
/** Entries of a slice under way at once: with 16, requests wait twice as long, and nothing is won. */
export const REWRAP_LANES = 8;
/** Failed entries listed in a run's record. */
export const REWRAP_FAILURES_MAX = 100;
/** Waits before a slice whose store or seal failed is tried again. */
export const REWRAP_RETRY_DELAYS_MS: readonly number[] = [1000, 5000, 30_000];
/** After the retries: pause, doubled up to the maximum. */
export const REWRAP_PAUSE_MS = 60_000;
export const REWRAP_PAUSE_MAX_MS = 600_000;
/** A run that cannot go on for so long ends as `interrupted`. */
export const REWRAP_GIVE_UP_MS = 24 * 60 * 60 * 1000;

/** Encryptions under one keyring term before it is rotated; Vault's `absoluteOperationMaximum`. */
export const TERM_OPERATIONS_MAX = 3_865_470_566;
export const TERM_OPERATIONS_MIN = 1_000_000;
/** Wait after a rotation of the keyring, or a change to a new static key, that failed. */
export const KEY_CHANGE_RETRY_MS = 60_000;
export const TERM_INTERVAL_MIN_SECONDS = 24 * 60 * 60;

/** Vault's system default and maximum lease: 768 h. */
export const LEASE_DEFAULT_SECONDS = 768 * 60 * 60;

/** How far the clock may have been set back since a batch token was issued. */
export const BATCH_TOKEN_CLOCK_SKEW_MS = 60 * 60 * 1000;

/** A wrapped answer is kept for no longer, whoever asks: anybody with a token may have one kept. */
export const WRAP_TTL_MAX_SECONDS = LEASE_DEFAULT_SECONDS;

/** Tokens that one alarm ends; the next ones follow at once, after other requests. */
export const EXPIRY_BATCH_TOKENS = 100;

/** Auto-unseal waits between attempts: doubled from the first to the last. */
export const AUTO_UNSEAL_RETRY_MIN_MS = 1000;
export const AUTO_UNSEAL_RETRY_MAX_MS = 30_000;

/** Texts hashed for one data object of an audit entry, about 30 ms of work; the rest is left out. */
export const AUDIT_HASHES_MAX = 10_000;
/** The same for what those texts have together: about 70 ms. No record holds as much. */
export const AUDIT_HASHED_MAX_CHARS = 8 * 1024 * 1024;

/** A device that has not taken a line after so long has failed; requests wait no longer for it. */
export const AUDIT_WRITE_MAX_MS = 5000;
/** Lines, and their characters, that may wait at one device; beyond it lines are refused at once. */
export const AUDIT_WAITING_LINES_MAX = 10_000;
export const AUDIT_WAITING_CHARACTERS_MAX = 64 * 1024 * 1024;
/** A full pipe of which nothing is read for so long has failed. */
export const AUDIT_PIPE_WAIT_MS = 100;
/** A device that failed is left alone while another works: doubled from the first to the last. */
export const AUDIT_REST_MIN_MS = 1000;
export const AUDIT_REST_MAX_MS = 300_000;

/** What may wait to be written to the log; beyond it lines are lost, and counted. */
export const LOG_WAITING_CHARACTERS_MAX = 4 * 1024 * 1024;
/** As long as a process that ends waits for its last lines. */
export const LOG_FLUSH_MAX_MS = 1000;

/** As long as a vault that is closed waits for its audit devices: a stuck one must not keep it. */
export const CLOSE_WAIT_MAX_MS = 15_000;

/** Client addresses whose tries are counted at once. */
export const RATE_LIMIT_ADDRESSES_MAX = 10_000;
/** Tries that need no token, and failures with one, per address: far above any honest use. */
export const RATE_LIMIT_PER_SECOND = 50;
export const RATE_LIMIT_BURST = 1000;

/** Hops of `X-Forwarded-For` that are looked at, from the right. */
export const PROXY_HOPS_MAX = 32;

/** Longer than any honest password; bounds the work on one. */
export const PASSWORD_MAX_BYTES = 4096;
/** Passwords that wait to be hashed, at 50 to 100 ms each: the last one waits some 5 s. */
export const HASHES_WAITING_MAX = 64;
/** The same of one address, or one /64 of IPv6. */
export const HASHES_WAITING_PER_CLIENT_MAX = 32;
/** Secret ids that one alarm ends. */
export const EXPIRY_BATCH_SECRET_IDS = 100;
/** Moves of mounts whose outcome can still be asked for. */
export const REMOUNTS_MAX = 32;
/** Readings of one set of policies kept at once: one for each kind of path with names that fold. */
export const RULE_SPELLINGS_MAX = 256;

/** Objects and lists of a policy inside each other; one needs four. */
export const HCL_DEPTH_MAX = 32;
/** A token as text; a longer one is none. */
export const TOKEN_MAX_CHARS = 4096;
/** Names of users and roles. */
export const LOGIN_NAME_MAX_CHARS = 512;
/** Role ids, secret ids and their accessors. */
export const SECRET_ID_MAX_CHARS = 4096;
/** Of a secret of kv; Vault's. */
export const CUSTOM_METADATA_MAX_KEYS = 64;
export const CUSTOM_METADATA_KEY_MAX_BYTES = 128;
export const CUSTOM_METADATA_VALUE_MAX_BYTES = 512;
/** Some 160 bytes each, so that a record stays below `RECORD_MAX_BYTES`. */
export const KEY_VERSIONS_MAX = 10_000;
/** RSA-16384 with its exponent: the largest gpg makes. Beyond, one encryption takes seconds. */
export const PGP_KEY_PACKET_MAX_BYTES = 2200;
/** Every exponent in use is 17 bits or fewer; a long one makes encryption as slow as wanted. */
export const PGP_RSA_EXPONENT_MAX_BYTES = 8;
/** A password policy that so many passwords do not satisfy leaves too few of them. */
export const PASSWORD_TRIES_MAX = 10_000;
/** Looks at a character for a rule of such a policy, in all tries together: some 20 ms. */
export const PASSWORD_LOOKS_MAX = 4_000_000;
/** A point in time as text. */
export const TIME_MAX_CHARS = 64;
/** The version of a plugin as text, which a pattern is tried on. */
export const PLUGIN_VERSION_MAX_CHARS = 256;

/** Keys of transit a mount may be told to keep in memory, at least; Vault's. */
export const TRANSIT_CACHE_MIN_KEYS = 10;

/** Keys of one transit mount kept in memory, parsed. */
export const TRANSIT_KEYS_CACHED_MAX = 256;

/** A key of transit is rotated by itself no more often; Vault's. */
export const AUTO_ROTATE_MIN_SECONDS = 3600;

/** Statuses that a caller may choose for an answer. */
export const REPLY_STATUS_MIN = 200;
export const REPLY_STATUS_MAX = 599;

/** `-1` stands for as long as the hash. */
export const PSS_SALT_LENGTH_MIN = -1;

/** Values of a page of an upgrade in memory at once, besides one that is larger. */
export const KV_UPGRADE_PAGE_MAX_BYTES = 4 * 1024 * 1024;

/** Generators of clients name files by it, and file systems take no more than 255 bytes. */
export const OPENAPI_NAME_MAX_CHARS = 120;

/** Descriptions kept as text, of some 500 KB each. */
export const OPENAPI_TEXTS_CACHED_MAX = 8;

/** A policy that is read; no record holds more. */
export const HCL_TEXT_MAX_CHARS = RECORD_MAX_BYTES;

/** Characters of a generated password; Vault's. */
export const PASSWORD_LENGTH_MIN = 4;
export const PASSWORD_LENGTH_MAX = 100;

/** Characters of one rule of a password policy. */
export const PASSWORD_CHARSET_MAX = 256;

/** Mistakes of one policy that its author is shown. */
export const POLICY_MISTAKES_SHOWN_MAX = 20;

/** Sets of policies kept in memory, compiled. */
export const POLICY_SETS_CACHED_MAX = 1000;

/** Decoded tokens kept in memory; beyond it all are dropped. */
export const TOKENS_CACHED_MAX = 10_000;

/** Tokens of a tree that one commit changes. */
export const TOKEN_CHANGE_BATCH = 200;

/** A secret that is split. */
export const SHAMIR_SECRET_MAX_BYTES = 65_535;

/** Draws of random bytes for the coordinates of shares. */
export const SHAMIR_DRAWS_MAX = 64;

/** Text and authenticated data of one encryption. */
export const AEAD_INPUT_MAX_BYTES = 2 ** 31;

/** Costs of a stored password hash that are still computed. */
export const SCRYPT_LOG_N_MAX = 20;
export const SCRYPT_R_MAX = 32;
export const SCRYPT_P_MAX = 16;

/** What scrypt takes; `PASSWORD_MAX_BYTES` is what callers may send. */
export const SCRYPT_PASSWORD_MAX_BYTES = 1024 * 1024;

/** Shorter RSA keys are refused; gpg writes some keys of 2048 bits with 2047. */
export const PGP_RSA_BITS_MIN = 2047;

/** Rounds of drawing characters without bias. */
export const RANDOM_ROUNDS_MAX = 128;

/** Doublings of the wait that are computed. */
export const AUTO_UNSEAL_DOUBLINGS_MAX = 10;

/** Empty lines before a request line. */
export const HEAD_EMPTY_LINES_MAX = 8;

/** Between two looks at the times of all connections. */
export const CONNECTION_CHECK_MAX_MS = 1000;

/** What Deno reads from a socket at once. */
export const SOCKET_READ_MIN_BYTES = 4 * 1024;
export const SOCKET_READ_MAX_BYTES = 64 * 1024;

/** The longest time a timer of JavaScript waits. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** Costs of a bcrypt hash that the reference would take. */
export const BCRYPT_COST_MIN = 5;
export const BCRYPT_COST_MAX = 12;

/** Commits that one transaction of SQLite takes together. */
export const GROUP_COMMITS_MAX = 256;

/** Jobs that have a due time. */
export const DUE_JOBS_MAX = 64;

/** Of a text that an error quotes. */
export const QUOTED_MAX_CHARS = 128;

/** Go keeps a duration in a signed 64-bit count of nanoseconds. */
export const DURATION_MAX_SECONDS = 9_223_372_036;

/** The id of a seal key, whose length is one byte of a wrapped value. */
export const SEAL_KEY_ID_MAX_BYTES = 255;

/** Reads of one record whose key a rewrap keeps moving. */
export const BARRIER_READS_MAX = 3;
