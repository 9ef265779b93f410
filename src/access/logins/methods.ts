/** The auth methods, in one module to load when the first of them is asked. */

export { AppRole } from "./approle.ts";
export { LoginStorage } from "./login_storage.ts";
export { Passwords } from "./passwords.ts";
export { renewLogin } from "./renewal.ts";
export { Userpass } from "./userpass.ts";
