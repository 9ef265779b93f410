/** Its presence in the evidence keeps the folder, so that a leak can be looked at. */
export const FOUND_FILE = "FOUND";
