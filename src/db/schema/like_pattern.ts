/**
 * Patterns of `like`, as Postgres reads them (`%`, `_`, backslash escapes), and as SQLite's
 * case-sensitive `glob` does. SQLite's own `like` ignores case, so it is never used for them.
 *
 * @module
 */

const ESCAPED_IN_GLOB = /[*?[]/;

/**
 * The pattern without needless escapes.
 *
 * @param pattern a `like` pattern.
 * @returns an equal pattern: only `%`, `_` and the backslash itself stay escaped.
 */
export function canonicalPattern(pattern: string): string {
  return globToLike(likeToGlob(pattern));
}

/**
 * Turns a `like` pattern into one of `glob`.
 *
 * @param pattern pattern with `%`, `_` and backslash escapes.
 * @returns pattern with `*`, `?` and bracketed literals.
 */
export function likeToGlob(pattern: string): string {
  let glob = "";
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (char === "%") glob += "*";
    else if (char === "_") glob += "?";
    else if (char === "\\" && i + 1 < pattern.length) glob += globLiteral(pattern[++i]!);
    else glob += globLiteral(char);
  }
  return glob;
}

/**
 * Turns a pattern made by {@link likeToGlob} back.
 *
 * @param glob pattern of `glob`.
 * @returns the canonical `like` pattern.
 */
export function globToLike(glob: string): string {
  let like = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (char === "*") like += "%";
    else if (char === "?") like += "_";
    else if (char === "[" && glob[i + 2] === "]") {
      like += likeLiteral(glob[i + 1]!);
      i += 2;
    } else like += likeLiteral(char);
  }
  return like;
}

function globLiteral(char: string): string {
  return ESCAPED_IN_GLOB.test(char) ? `[${char}]` : char;
}

function likeLiteral(char: string): string {
  return char === "%" || char === "_" || char === "\\" ? `\\${char}` : char;
}
