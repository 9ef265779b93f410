/** Every bound of the product, with its unit in the name. */

// Keys and shares

/** Root key, data key, unseal key and recovery key. */
export const KEY_BYTES = 32;
/** Vault's bounds on a submitted key: from an AES-128 key to a share of an AES-256 key. */
export const SUBMITTED_KEY_MIN_BYTES = 16;
export const SUBMITTED_KEY_MAX_BYTES = 33;
/** GF(2^8) has 255 non-zero x coordinates. */
export const SHARES_MAX = 255;
/** A secret to split. */
export const SHAMIR_SECRET_MAX_BYTES = 65_535;
/** Draws of random bytes for the x coordinates of a split, before the generator counts as stuck. */
export const SHAMIR_DRAWS_MAX = 64;
/** A wrapped value stores the length of its seal key id in one byte. */
export const SEAL_KEY_ID_MAX_BYTES = 255;

// Encryption, hashing and randomness

/** GCM nonce (NIST SP 800-38D, 96 bits) and tag. */
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** Text, and associated data, of one encryption. */
export const AEAD_INPUT_MAX_BYTES = 2 ** 31;
/** ChaCha20-Poly1305 pauses after this much, about 10 ms. A multiple of the block size. */
export const CHACHA_SLICE_BYTES = 1024 * 1024;
/** Hashing for a caller pauses after this much. SHA-3 takes 100 ms per MiB. */
export const HASH_SLICE_BYTES = 256 * 1024;
/** Bytes per call of `random`; Vault's `APIMaxBytes`. */
export const RANDOM_MAX_BYTES = 128 * 1024;
/** Rounds of drawing unbiased characters, before the generator counts as stuck. */
export const RANDOM_ROUNDS_MAX = 128;
/** Costs of a stored password hash that are still computed. */
export const SCRYPT_LOG_N_MAX = 20;
export const SCRYPT_R_MAX = 32;
export const SCRYPT_P_MAX = 16;
/** What scrypt accepts. Callers may send `PASSWORD_MAX_BYTES`. */
export const SCRYPT_PASSWORD_MAX_BYTES = 1024 * 1024;

// PGP keys

/** Text of one key: base64 of the ASCII armor of `PGP_KEY_MAX_BYTES`. */
export const PGP_KEY_TEXT_MAX_CHARS = 128 * 1024;
/** A key with its own signatures and some by others. A minimal export has a few KB. */
export const PGP_KEY_MAX_BYTES = 64 * 1024;
/** Keys, names and signatures in one key. */
export const PGP_PACKETS_MAX = 512;
/**
 * Signatures of one key on itself. Checking each takes up to 30 ms, with pauses between them.
 * Signatures by others are never checked and do not count.
 */
export const PGP_SIGNATURES_MAX = 64;
/** The same for all keys of one request: enough for 255 keys with four each. */
export const PGP_REQUEST_SIGNATURES_MAX = 1024;
/** RSA-16384 with its exponent, the largest that gpg makes. Larger keys take seconds per use. */
export const PGP_KEY_PACKET_MAX_BYTES = 2200;
/** Exponents in use have 17 bits or fewer. A long one makes encryption arbitrarily slow. */
export const PGP_RSA_EXPONENT_MAX_BYTES = 8;
/** Shorter RSA keys are refused. gpg writes some 2048-bit keys with 2047. */
export const PGP_RSA_BITS_MIN = 2047;

// Requests and answers

/** Body of a caller with a valid token; Vault's default `max_request_size`. */
export const REQUEST_BODY_MAX_BYTES = 32 * 1024 * 1024;
/** Body of a caller without one: logins, shares, wrapping tokens. */
export const ANONYMOUS_BODY_MAX_BYTES = 1024 * 1024;
/** Body of `sys/init`, which may hold a PGP key for each of 255 shares. */
export const INIT_BODY_MAX_BYTES = 4 * 1024 * 1024;
/** Path and query as sent. Node's own bound, which Deno lacks. */
export const TARGET_MAX_CHARS = 16 * 1024;
/** Statuses that a caller may choose for an answer. */
export const REPLY_STATUS_MIN = 200;
export const REPLY_STATUS_MAX = 599;
/** Client generators name files after it, and file systems allow 255 bytes. */
export const OPENAPI_NAME_MAX_CHARS = 120;
/** Rendered API descriptions kept in memory, about 500 KB each. */
export const OPENAPI_TEXTS_CACHED_MAX = 8;

// Connections of a local server

/** Request line and headers. Node allows 16 KiB, Go 1 MiB. */
export const HEAD_MAX_BYTES = 32 * 1024;
export const HEADERS_MAX = 256;
/** Empty lines before a request line. */
export const HEAD_EMPTY_LINES_MAX = 8;
/** A line between the chunks of a body, extensions included. */
export const CHUNK_LINE_MAX_BYTES = 256;
/** Request bodies and unsent answers in memory at once: four of the largest. */
export const TRANSFERS_MAX_BYTES = 4 * REQUEST_BODY_MAX_BYTES;
/** Transfers up to this size are not counted, so that large ones cannot keep small ones out. */
export const TRANSFER_FREE_BYTES = 16 * 1024;
/** Fewer if the process may not open that many files. */
export const CONNECTIONS_MAX = 4096;
/** Descriptors left for the database, the audit file and the runtime. */
export const DESCRIPTORS_RESERVED = 64;
/** From the first byte of a head to its end. Also the time for a TLS handshake. */
export const HEAD_MAX_MS = 10_000;
/** Time without progress of a body or an answer. */
export const TRANSFER_STALL_MAX_MS = 30_000;
/** Time without a request, before the first one and between two. */
export const IDLE_MAX_MS = 120_000;
/** Time between two checks of all connections against these times. */
export const CONNECTION_CHECK_MAX_MS = 1000;
/** Read and dropped after an answer that closes the connection, so that its client can read it. */
export const DRAIN_MAX_BYTES = 2 * REQUEST_BODY_MAX_BYTES;
/** Deno reads this much from a socket at once. */
export const SOCKET_READ_MIN_BYTES = 4 * 1024;
export const SOCKET_READ_MAX_BYTES = 64 * 1024;
/** Hops of `X-Forwarded-For` that are considered, from the right. */
export const PROXY_HOPS_MAX = 32;

// JSON and forms

/** Deeper JSON is refused before parsing. Objects in a body with 1000 names nest no deeper. */
export const JSON_DEPTH_MAX = 999;
/** Names and texts in a body; OpenBao's default `max_request_json_strings`. */
export const JSON_TEXTS_MAX = 1000;
/** Objects, lists and values other than texts. A number that is kept as sent costs 3 µs. */
export const JSON_VALUES_MAX = 20_000;
/** Longer than any honest number. The cost grows with each digit. */
export const JSON_NUMBER_MAX_CHARS = 1024;
/** Escaped quotes and backslashes in a body, which are looked at one by one. */
export const JSON_ESCAPES_MAX = 2_000_000;
/** Memory of a parsed body by the reference's estimate: a text of full length, and 512 KiB more. */
export const JSON_MEMORY_MAX_BYTES = REQUEST_BODY_MAX_BYTES + 512 * 1024;
/** Fields of a form or a query, as many as JSON may have names and texts. */
export const FORM_FIELDS_MAX = 1000;
/** Decoding a form costs more than reading JSON, and no client of Vault sends a large one. */
export const FORM_MAX_BYTES = 4 * 1024 * 1024;

// Fields

/** Items of a list, including one written as text with commas. */
export const LIST_ITEMS_MAX = 1000;
/** An integer as text. 64 bits have 20 digits; each text is matched against a pattern. */
export const INTEGER_MAX_CHARS = 64;
/** The longest duration, `-9223372036854775808ns`, has 22 characters. */
export const DURATION_MAX_CHARS = 64;
/** Go keeps a duration in a signed 64-bit count of nanoseconds. */
export const DURATION_MAX_SECONDS = 9_223_372_036;
/** A point in time as text. */
export const TIME_MAX_CHARS = 64;
/** The version of a plugin as text, which is matched against a pattern. */
export const PLUGIN_VERSION_MAX_CHARS = 256;
/** An error quotes this much of a text. */
export const QUOTED_MAX_CHARS = 128;

// Storage

/** A Durable Object row holds at most 2 MB. No store takes more. */
export const RECORD_MAX_BYTES = 2 * 1000 * 1000 - 4096;
/** One commit to SQLite. Each write takes about 10 µs, and nothing else runs meanwhile. */
export const SQL_COMMIT_WRITES_MAX = 8192;
export const SQL_COMMIT_EXPECTATIONS_MAX = 8192;
export const SQL_COMMIT_MAX_BYTES = 64 * 1024 * 1024;
/** Commits within these fit into 100 checks, 1000 mutations, 80 KiB of keys and 800 KiB in all. */
export const DENO_KV_PATH_MAX_BYTES = 512;
export const DENO_KV_RECORD_MAX_BYTES = 448 * 1024;
export const DENO_KV_COMMIT_MAX_BYTES = 544 * 1024;
export const DENO_KV_COMMIT_WRITES_MAX = 64;
/** Paths read at once to walk through many. */
export const LIST_PAGE_PATHS = 256;
/** Far below SQLite's limits on keys; Vault's own bound is of the same order. */
export const PATH_MAX_BYTES = 2048;
/**
 * Tries of a change to a record that other writers keep changing. Each lost try means that another
 * request has won, and a local server has this many at once.
 */
export const COMMIT_TRIES_MAX = 4096;
/** Commits in one SQLite transaction. */
export const GROUP_COMMITS_MAX = 256;
/** Reads of one record whose key a rewrap keeps moving. */
export const BARRIER_READS_MAX = 3;
/** Jobs with a due time. */
export const DUE_JOBS_MAX = 64;
/**
 * A larger SQLite file is rewritten at the next start instead of at once. A rewrite takes 15 to
 * 30 s per GB and blocks everything else, and requests may wait for 2 s.
 */
export const SCRUB_REBUILD_MAX_BYTES = 96 * 1024 * 1024;

// Seal, ceremonies and keyring

/** An attempt ends by itself after a day. */
export const CEREMONY_TTL_MS = 24 * 60 * 60 * 1000;
/** Waits between attempts of auto-unseal, doubled from the first to the last. */
export const AUTO_UNSEAL_RETRY_MIN_MS = 1000;
export const AUTO_UNSEAL_RETRY_MAX_MS = 30_000;
/** Keeps the doubled wait a finite number; the maximum is reached earlier. */
export const AUTO_UNSEAL_DOUBLINGS_MAX = 10;
/** Encryptions under one term before it is rotated; Vault's `absoluteOperationMaximum`. */
export const TERM_OPERATIONS_MAX = 3_865_470_566;
export const TERM_OPERATIONS_MIN = 1_000_000;
export const TERM_INTERVAL_MIN_SECONDS = 24 * 60 * 60;
/** Wait after a failed rotation of the keyring, or a failed change to a new static key. */
export const KEY_CHANGE_RETRY_MS = 60_000;

// Rewrap

/**
 * Entries per slice, about 12 ms on workerd, so that requests are not starved. Fewer if the store
 * takes fewer.
 */
export const REWRAP_BATCH_ENTRIES = 500;
/** Values of a slice in memory at once. */
export const REWRAP_BATCH_MAX_BYTES = 8 * 1024 * 1024;
/** Entries of a slice in progress at once. With 16, requests wait twice as long for no gain. */
export const REWRAP_LANES = 8;
/** Failed entries listed in a run's record. */
export const REWRAP_FAILURES_MAX = 100;
/** Its record in storage: the failures are listed with their paths. */
export const REWRAP_JOB_MAX_BYTES = 256 * 1024;
/** Waits before a slice is retried after the store or the seal failed. */
export const REWRAP_RETRY_DELAYS_MS: readonly number[] = [1000, 5000, 30_000];
/** Pause after those retries, doubled up to the maximum. */
export const REWRAP_PAUSE_MS = 60_000;
export const REWRAP_PAUSE_MAX_MS = 600_000;
/** A run without progress for this long ends as `interrupted`. */
export const REWRAP_GIVE_UP_MS = 24 * 60 * 60 * 1000;

// Tokens and leases

/** Longer texts are not tokens. */
export const TOKEN_MAX_CHARS = 4096;
/** Vault's system default and maximum lease: 768 h. */
export const LEASE_DEFAULT_SECONDS = 768 * 60 * 60;
/** How far the clock may have been set back since a batch token was issued. */
export const BATCH_TOKEN_CLOCK_SKEW_MS = 60 * 60 * 1000;
/** Holds for every caller, because anyone with a token can have an answer kept. */
export const WRAP_TTL_MAX_SECONDS = LEASE_DEFAULT_SECONDS;
/** Tokens that one alarm ends. The rest follow at once, after other requests. */
export const EXPIRY_BATCH_TOKENS = 100;
/** Tokens of a tree changed in one commit, where the store takes that many. */
export const TOKEN_CHANGE_BATCH = 200;
/** Decoded tokens in memory. Beyond it all are dropped. */
export const TOKENS_CACHED_MAX = 10_000;

// Logins

/** Client addresses with a count of tries. */
export const RATE_LIMIT_ADDRESSES_MAX = 10_000;
/** Tries per address that need no token, or fail with one. Far above any honest use. */
export const RATE_LIMIT_PER_SECOND = 50;
export const RATE_LIMIT_BURST = 1000;
/** Longer than any honest password; bounds the work on one. */
export const PASSWORD_MAX_BYTES = 4096;
/** Passwords waiting to be hashed. At 50 to 100 ms each, the last one waits about 5 s. */
export const HASHES_WAITING_MAX = 64;
/** The same per address, or per /64 of IPv6. */
export const HASHES_WAITING_PER_CLIENT_MAX = 32;
/** bcrypt costs that the reference accepts. */
export const BCRYPT_COST_MIN = 5;
export const BCRYPT_COST_MAX = 12;
/** Names of users and roles. */
export const LOGIN_NAME_MAX_CHARS = 512;
/** Role ids, secret ids and their accessors. */
export const SECRET_ID_MAX_CHARS = 4096;
/** Metadata of a secret id: JSON, or pairs within one text. */
export const SECRET_ID_METADATA_MAX_CHARS = 64 * 1024;
/** Secret ids that one alarm, or one tidy, ends. */
export const EXPIRY_BATCH_SECRET_IDS = 100;

// Policies and mounts

/** A policy to be written: parsing it blocks others for up to 200 ms. Older ones stay readable. */
export const POLICY_MAX_CHARS = 512 * 1024;
/** A policy to be read. No record holds more. */
export const HCL_TEXT_MAX_CHARS = RECORD_MAX_BYTES;
/** Nesting of objects and lists in a policy. A policy needs four. */
export const HCL_DEPTH_MAX = 32;
/** Mistakes in a policy that its author is shown. */
export const POLICY_MISTAKES_SHOWN_MAX = 20;
/** Compiled sets of policies in memory. */
export const POLICY_SETS_CACHED_MAX = 1000;
/** Compiled readings of one set in memory: one per kind of path with names that fold. */
export const RULE_SPELLINGS_MAX = 256;
/** Moves of mounts whose outcome can still be queried. */
export const REMOUNTS_MAX = 32;

// Password policies

/** A few rules of a few dozen characters each. Every rule is checked for every password. */
export const PASSWORD_POLICY_MAX_CHARS = 64 * 1024;
/** Length of a generated password; Vault's. */
export const PASSWORD_LENGTH_MIN = 4;
export const PASSWORD_LENGTH_MAX = 100;
/** Characters of all rules together: one random byte chooses among them. */
export const PASSWORD_CHARSET_MAX = 256;
/** A policy that this many drawn passwords do not satisfy allows too few of them. */
export const PASSWORD_TRIES_MAX = 10_000;
/** Characters checked against a rule, over all tries: about 20 ms. */
export const PASSWORD_LOOKS_MAX = 4_000_000;

// Engines

/** Custom metadata of a kv secret; Vault's. */
export const CUSTOM_METADATA_MAX_KEYS = 64;
export const CUSTOM_METADATA_KEY_MAX_BYTES = 128;
export const CUSTOM_METADATA_VALUE_MAX_BYTES = 512;
/** Values in memory during an upgrade of kv. One larger value is still taken. */
export const KV_UPGRADE_PAGE_MAX_BYTES = 4 * 1024 * 1024;
/** Versions of a transit key, about 160 bytes each, so that a record stays below its maximum. */
export const KEY_VERSIONS_MAX = 10_000;
/** Parsed keys of one transit mount in memory. */
export const TRANSIT_KEYS_CACHED_MAX = 256;
/** The smallest cache size that a transit mount can be given; Vault's. */
export const TRANSIT_CACHE_MIN_KEYS = 10;
/** The shortest period of a transit key's automatic rotation; Vault's. */
export const AUTO_ROTATE_MIN_SECONDS = 3600;
/** Items of a transit batch. One takes up to 100 µs; more would block others for 2 s. */
export const BATCH_ITEMS_MAX = 16_384;
/** `-1` means as long as the hash. */
export const PSS_SALT_LENGTH_MIN = -1;

// Audit and log

/** Texts hashed for one data object of an audit entry, about 30 ms. The rest is left out. */
export const AUDIT_HASHES_MAX = 10_000;
/** Characters of those texts together, about 70 ms. No record holds that many. */
export const AUDIT_HASHED_MAX_CHARS = 8 * 1024 * 1024;
/** A device that takes longer for a line has failed, and requests stop waiting for it. */
export const AUDIT_WRITE_MAX_MS = 5000;
/** Lines waiting at one device, and their characters. Beyond it lines are refused at once. */
export const AUDIT_WAITING_LINES_MAX = 10_000;
export const AUDIT_WAITING_CHARACTERS_MAX = 64 * 1024 * 1024;
/** A full pipe that nobody reads for this long has failed. */
export const AUDIT_PIPE_WAIT_MS = 100;
/** A failed device rests while another works. The rest doubles from the first to the last. */
export const AUDIT_REST_MIN_MS = 1000;
export const AUDIT_REST_MAX_MS = 300_000;
/** Log text waiting to be written. Beyond it lines are lost, and counted. */
export const LOG_WAITING_CHARACTERS_MAX = 4 * 1024 * 1024;

// Timers and stopping

/** The longest wait of a JavaScript timer. */
export const TIMER_MAX_MS = 2 ** 31 - 1;
/**
 * Time for requests to end after SIGTERM. Supervisors commonly send SIGKILL some seconds later, and
 * the store must be closed by then.
 */
export const STOP_GRACE_MS = 2000;
/** A closing vault waits this long for its audit devices, so that a stuck one cannot hold it. */
export const CLOSE_WAIT_MAX_MS = 15_000;
/** An ending process waits this long for its last lines of log. */
export const LOG_FLUSH_MAX_MS = 1000;
