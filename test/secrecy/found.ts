/** The name of the file that reports leaks. Its presence keeps the folder of the evidence. */
export const FOUND_FILE = "FOUND";
