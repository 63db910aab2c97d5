/**
 * Names of prepared statements. A text has one name in the whole process; each connection
 * remembers which names its server session has parsed. Both are bounded, the least recently used
 * going first.
 *
 * @module
 */

/** Texts that have a name in this process. */
const MAX_NAMES = 4000;
/** Statements that one server session keeps. */
const MAX_PARSED = 500;
/** Longer texts run unnamed: they are made for one occasion. */
const MAX_NAMED_LENGTH = 20_000;
const WORTH_KEEPING = /^\s*(?:select|insert|update|delete|with)\b/i;

const names = new Map<string, string>();
let created = 0;

/**
 * The name under which a text is prepared.
 *
 * @param sql one statement.
 * @returns its name; empty for "unnamed". A name never stands for two texts.
 */
export function statementName(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) {
    names.delete(sql);
    names.set(sql, known);
    return known;
  }
  if (sql.length > MAX_NAMED_LENGTH || !WORTH_KEEPING.test(sql)) return "";
  const name = `m${created++}`;
  names.set(sql, name);
  if (names.size > MAX_NAMES) names.delete(names.keys().next().value!);
  return name;
}

/** What must be sent before a named statement can be bound. */
export interface Preparation {
  readonly parse: boolean;
  /** Names to close first. */
  readonly close: readonly string[];
}

const READY: Preparation = { parse: false, close: [] };

/** What a server session is known to have parsed. */
export class ParsedNames {
  readonly #parsed = new Set<string>();
  /** Sent in an exchange that failed: the session may or may not know them. */
  readonly #uncertain = new Set<string>();

  /**
   * Prepares the use of a name and takes it for parsed from now on.
   *
   * @param name of a statement, not empty.
   * @returns what must be sent first.
   */
  use(name: string): Preparation {
    if (this.#parsed.delete(name)) {
      this.#parsed.add(name);
      return READY;
    }
    const close: string[] = [];
    // Closing a name that the session does not know is no error.
    if (this.#uncertain.delete(name)) close.push(name);
    this.#parsed.add(name);
    if (this.#parsed.size > MAX_PARSED) {
      const oldest = this.#parsed.keys().next().value!;
      this.#parsed.delete(oldest);
      close.push(oldest);
    }
    return { parse: true, close };
  }

  /**
   * Notes names whose state is in doubt after a failure.
   *
   * @param sent the names that were parsed or closed in the exchange that failed.
   */
  doubt(sent: Iterable<string>): void {
    for (const name of sent) {
      this.#parsed.delete(name);
      this.#uncertain.add(name);
    }
  }
}
