/**
 * Which files a command line names: those, and no others, it may read or write.
 *
 * @module
 */

/** Paths by what is done with them. */
export interface CommandFiles {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/**
 * Finds the files that a command line names. What is no path at all, such as an addon's key, may stand
 * among them: nothing lies there.
 *
 * @param args arguments after the program's name.
 * @returns the paths; none for commands that take no files.
 */
export function commandFiles(args: readonly string[]): CommandFiles {
  const [command = "", name = "", ...rest] = args;
  // What they are given are values, which no file of the same name is meant by.
  if (command === "addon" && /^(?:settings|rotate-secret)$/.test(name)) {
    return { reads: [], writes: [] };
  }
  const values = rest.flatMap(valueOf);
  if (command === "keys" && name === "generate") {
    const paths = values.flatMap((prefix) => [`${prefix}.pem`, `${prefix}.pub`]);
    return { reads: [], writes: paths };
  }
  if (command !== "keys" && command !== "addon") return { reads: [], writes: [] };
  const signatures = values.map((path) => `${path}.sig`);
  const signs = command === "addon" && name === "sign";
  return { reads: [...values, ...signatures], writes: signs ? signatures : [] };
}

function valueOf(argument: string): string[] {
  const value = argument.startsWith("-") ? /^--[a-z-]+=(.+)$/s.exec(argument)?.[1] : argument;
  // A key in PEM, given as itself.
  return value === undefined || value === "" || value.includes("-----BEGIN") ? [] : [value];
}
