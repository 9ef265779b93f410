/** The auth methods, in one module to load when the first of them is asked. */

export { AppRole } from "./approle/roles.ts";
export { JsonRecords } from "../barrier/mount_records.ts";
export { Passwords } from "./userpass/passwords.ts";
export { renewLogin } from "../vault/login/renewal.ts";
export { Userpass } from "./userpass/users.ts";
