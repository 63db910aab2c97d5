/**
 * Tokens of the SQL text that SQLite keeps in `sqlite_master`. It knows only what definitions of
 * tables and indexes need.
 *
 * @module
 */

/** A token: an identifier in quotes, a text, a number, a bare word in lower case, or a symbol. */
export interface Token {
  readonly kind: "name" | "text" | "number" | "word" | "symbol";
  /** Quotes removed, words in lower case. */
  readonly value: string;
  /** Position in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`"(?<name>(?:[^"]|"")*)"`,
    String.raw`(?<other>\x60(?:[^\x60]|\x60\x60)*\x60|\[[^\]]*\])`,
    String.raw`'(?<text>(?:[^']|'')*)'`,
    String.raw`(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<symbol>\|\||<>|<=|>=|!=|==|[^\s])`,
  ].join("|"),
  "gy",
);

/**
 * Cuts SQL into tokens.
 *
 * @param sql text of one statement.
 * @returns the tokens, without space and comments; unfinished quotes end the list.
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const match of sql.matchAll(TOKEN)) {
    const token = tokenOf(match);
    if (token !== undefined) {
      tokens.push({ ...token, start: match.index, end: match.index + match[0].length });
    }
  }
  return tokens;
}

function tokenOf(match: RegExpExecArray): Pick<Token, "kind" | "value"> | undefined {
  const groups = match.groups!;
  if (groups.name !== undefined) return { kind: "name", value: groups.name.replaceAll('""', '"') };
  if (groups.other !== undefined) return { kind: "name", value: groups.other.slice(1, -1) };
  if (groups.text !== undefined) return { kind: "text", value: groups.text.replaceAll("''", "'") };
  if (groups.number !== undefined) return { kind: "number", value: groups.number };
  if (groups.word !== undefined) return { kind: "word", value: groups.word.toLowerCase() };
  return groups.symbol === undefined ? undefined : { kind: "symbol", value: groups.symbol };
}

/**
 * Tells whether a token is a bare word or a symbol of a certain spelling.
 *
 * @param token a token, or none.
 * @param value the word in lower case, or the symbol.
 * @returns true when it is.
 */
export function isToken(token: Token | undefined, value: string): boolean {
  return token !== undefined && token.value === value &&
    (token.kind === "word" || token.kind === "symbol");
}

/**
 * The tokens inside a pair of parentheses.
 *
 * @param tokens a list of tokens.
 * @param open position of the opening parenthesis in it.
 * @returns the inner tokens, up to the closing one or the end.
 */
export function inParentheses(tokens: readonly Token[], open: number): readonly Token[] {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (isToken(tokens[i], "(")) depth++;
    if (isToken(tokens[i], ")") && --depth === 0) return tokens.slice(open + 1, i);
  }
  return tokens.slice(open + 1);
}

/**
 * Splits tokens at commas outside of parentheses.
 *
 * @param tokens a list of tokens.
 * @returns the parts, without the commas; none for an empty list.
 */
export function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  if (tokens.length === 0) return [];
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isToken(token, "(")) depth++;
    if (isToken(token, ")")) depth--;
    if (depth === 0 && isToken(token, ",")) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/**
 * The position of a word or symbol outside of parentheses.
 *
 * @param tokens a list of tokens.
 * @param value the word in lower case, or the symbol.
 * @returns its position, or -1.
 */
export function findOutside(tokens: readonly Token[], value: string): number {
  let depth = 0;
  for (const [position, token] of tokens.entries()) {
    if (depth === 0 && isToken(token, value)) return position;
    if (isToken(token, "(")) depth++;
    if (isToken(token, ")")) depth--;
  }
  return -1;
}
