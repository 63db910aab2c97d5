/**
 * Generates valid modules from a seed: loops with parameters, branch tables, direct, indirect and
 * tail calls, recursion, memory and table operations, vectors, either form of exceptions. Every run
 * of one ends, by a budget of its own or by a trap, and gives the same on every engine: no float
 * reaches memory, so that the bits of a NaN are never seen.
 *
 * @module
 */

type Type = "i32" | "i64" | "f64";

const CODE: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c };
const TYPES: readonly Type[] = ["i32", "i64", "f64"];
const FUNCTIONS = 7;
const PAGES = 2;
/** Function types: 0 to 5 take (i32, i64, f64) or nothing and give each type; then blocks' types. */
const BLOCK_I32 = 6;
const PAIR = 7;
const EMPTY = 8;
const BUDGET_GLOBAL = 0;
const COUNTED = 3;
const TABLE = 10;

/** A generated module. */
export interface Generated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Exported functions; each takes an i32, an i64 and an f64. */
  readonly exports: readonly string[];
}

/**
 * Generates a module.
 *
 * @param seed a whole number; equal seeds give equal modules.
 * @returns the module.
 */
export function generateModule(seed: number): Generated {
  return new Generator(seed).module();
}

function u32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push(rest & 0x7f | 0x80);
  return [...bytes, rest];
}

/** As linkers write numbers that they fill in later. */
function padded(value: number): number[] {
  return [0, 7, 14, 21].map((shift) => value >>> shift & 0x7f | 0x80).concat(value >>> 28);
}

function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if (rest === 0n && low < 0x40 || rest === -1n && low >= 0x40) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...u32(items.length), ...items.flat()];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...padded(content.length), ...content];
}

function f64Bytes(value: number): number[] {
  return [...new Uint8Array(new Float64Array([value]).buffer)];
}

class Generator {
  #state: number;
  /** Labels in scope that take nothing, innermost last; null where a label is not to be used. */
  #labels: ("plain" | null)[] = [];
  readonly #legacy: boolean;
  #result: Type = "i32";

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 >>> 0;
    this.#legacy = this.#below(2) === 0;
  }

  module(): Generated {
    const results = Array.from({ length: FUNCTIONS }, () => this.#pick(TYPES));
    const functions = results.map((result) => this.#function(result));
    const parameters = TYPES.map((type) => CODE[type]);
    const types = [
      ...TYPES.map((type) => [0x60, 3, ...parameters, 1, CODE[type]]),
      ...TYPES.map((type) => [0x60, 0, 1, CODE[type]]),
      [0x60, 1, 0x7f, 1, 0x7f],
      [0x60, 2, 0x7f, 0x7f, 2, 0x7f, 0x7f],
      [0x60, 0, 0],
    ];
    const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
    const exports = results.map((_, index) => `f${index}`);
    const globals = [
      [0x7f, 1, 0x41, 0, 0x0b],
      [0x7f, 1, 0x41, 7, 0x0b],
      [0x7e, 1, 0x42, 9, 0x0b],
    ];
    const bytes = [
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, vector(types)),
      ...section(3, vector(results.map((type) => [TYPES.indexOf(type)]))),
      ...section(4, vector([[0x70, 1, TABLE, TABLE * 2]])),
      ...section(5, vector([[1, PAGES, PAGES * 2]])),
      ...section(13, vector([[0, EMPTY]])),
      ...section(6, vector(globals)),
      ...section(
        7,
        vector([
          ...exports.map((text, index) => [...name(text), 0, index]),
          [...name("memory"), 2, 0],
          [...name("budget"), 3, BUDGET_GLOBAL],
          [...name("g1"), 3, 1],
          [...name("g2"), 3, 2],
        ]),
      ),
      ...section(
        9,
        vector([
          [0, 0x41, 1, 0x0b, ...vector(results.map((_, index) => [index]))],
          [1, 0, ...vector([[0], [1]])],
        ]),
      ),
      ...section(12, [2]),
      ...section(10, vector(functions.map((body) => [...padded(body.length), ...body]))),
      ...section(11, vector([[0, 0x41, 8, 0x0b, 4, 1, 2, 3, 4], [1, 6, 9, 8, 7, 6, 5, 4]])),
    ];
    return { bytes: Uint8Array.from(bytes), exports };
  }

  #function(result: Type): number[] {
    this.#result = result;
    this.#labels = [];
    // Locals 0 to 2 are the parameters, 3 counts loop turns, 4 and 5 are spare, padded on purpose.
    const locals = [...padded(2), ...padded(2), 0x7f, 1, 0x7e];
    const body: number[] = [...this.#spend()];
    for (let left = 2 + this.#below(4); left > 0; left--) body.push(...this.#statement(3));
    if (this.#below(6) === 0) body.push(...this.#tailCall());
    return [...locals, ...body, ...this.#value(result, 3), 0x0b];
  }

  /** Takes one off the module's own budget and traps when it is used up. */
  #spend(): number[] {
    const set = [0x23, BUDGET_GLOBAL, 0x41, 1, 0x6b, 0x24, BUDGET_GLOBAL];
    return [...set, 0x23, BUDGET_GLOBAL, 0x41, 0, 0x48, 0x04, 0x40, 0x00, 0x0b];
  }

  #statement(depth: number): number[] {
    if (depth === 0) return [...this.#value("i32", 0), 0x1a];
    const inner = (label: "plain" | null) => {
      this.#labels.push(label);
      const code = Array.from({ length: 1 + this.#below(3) }, () => this.#statement(depth - 1));
      this.#labels.pop();
      return code.flat();
    };
    const kinds: readonly (() => number[])[] = [
      () => [0x02, 0x40, ...inner("plain"), 0x0b],
      () =>
        [...this.#value("i32", depth - 1), 0x04, 0x40, ...inner("plain"), 0x05]
          .concat(inner("plain"), 0x0b),
      () => this.#loop(() => inner(null)),
      () => this.#loopWithParameter(() => inner(null)),
      () => this.#branch(depth),
      () => [...this.#value("i64", depth - 1), 0x21, 5],
      () => [...this.#value("i32", depth - 1), 0x24, 1],
      () => [...this.#value("i64", depth - 1), 0x24, 2],
      () => [...this.#address(depth), ...this.#value("i32", depth - 1), 0x36, 2, 4],
      () => [...this.#address(depth), ...this.#value("i64", depth - 1), 0x37, 0x03, 0x80, 0x00],
      () => this.#bulk(depth),
      () => this.#tableOperation(depth),
      () => this.#exceptions(() => inner("plain")),
      () => [0x41, 1, 0x41, 2, 0x02, PAIR, 0x6a, 0x41, 3, 0x0b, 0x1a, 0x1a],
      () => [...this.#value("f64", depth - 1), 0x1a],
    ];
    return this.#pick(kinds)();
  }

  #loop(body: () => number[]): number[] {
    const head = [0x41, ...signed(BigInt(1 + this.#below(5))), 0x21, COUNTED, 0x03, 0x40];
    const again = [0x20, COUNTED, 0x41, 1, 0x6b, 0x22, COUNTED, 0x41, 0, 0x4a, 0x0d, 0, 0x0b];
    return [...head, ...this.#spend(), ...body(), ...again];
  }

  /** The counter travels on the stack across the loop's head. */
  #loopWithParameter(body: () => number[]): number[] {
    const head = [0x41, 1 + this.#below(4), 0x03, BLOCK_I32];
    const again = [0x41, 1, 0x6b, 0x22, 4, 0x20, 4, 0x41, 0, 0x4a, 0x0d, 0, 0x0b, 0x1a];
    return [...head, ...this.#spend(), ...body(), ...again];
  }

  #branch(depth: number): number[] {
    const targets = this.#labels.flatMap((label, at) =>
      label === null ? [] : [this.#labels.length - 1 - at]
    );
    if (targets.length === 0) return [...this.#value("i32", depth - 1), 0x1a];
    const index = this.#value("i32", depth - 1);
    if (this.#below(2) === 0) return [...index, 0x0d, ...u32(this.#pick(targets))];
    const table = vector(Array.from({ length: this.#below(5) }, () => u32(this.#pick(targets))));
    // Behind it the stack is polymorphic; sites there have to stay valid too.
    return [...index, 0x0e, ...table, ...u32(this.#pick(targets)), 0x03, 0x40, 0x0b];
  }

  #bulk(depth: number): number[] {
    const length = [...this.#value("i32", depth - 1), 0x41, 0xff, 0x03, 0x71];
    const start = this.#address(depth);
    return this.#pick([
      () => [...start, ...this.#value("i32", depth - 1), ...length, 0xfc, 11, 0],
      () => [...start, ...this.#address(depth), ...length, 0xfc, 10, 0, 0],
      () => [...start, 0x41, this.#below(4), 0x41, this.#below(8), 0xfc, 8, 1, 0],
      () => [0x41, this.#below(3), 0x40, 0, 0x1a],
    ])();
  }

  #tableOperation(depth: number): number[] {
    const slot = () => [...this.#value("i32", depth - 1), 0x41, 7, 0x71];
    return this.#pick([
      () => [...slot(), 0xd2, this.#below(FUNCTIONS), 0x26, 0],
      () => [...slot(), 0xd2, 0, ...slot(), 0xfc, 17, 0],
      () => [...slot(), ...slot(), ...slot(), 0xfc, 14, 0, 0],
      () => [...slot(), 0x41, 0, 0x41, this.#below(3), 0xfc, 12, 1, 0],
      () => [0xd0, 0x70, 0x41, this.#below(3), 0xfc, 15, 0, 0x1a],
      () => [...slot(), 0x25, 0, 0xd1, 0x1a],
    ])();
  }

  #exceptions(body: () => number[]): number[] {
    const throwing = [...this.#value("i32", 1), 0x04, 0x40, 0x08, 0, 0x0b];
    if (this.#legacy) {
      const handler = this.#below(2) === 0 ? [0x07, 0] : [0x19];
      const inside = [...body(), ...throwing];
      this.#labels.push("plain");
      const caught = this.#statement(1);
      this.#labels.pop();
      return [0x06, 0x40, ...inside, ...handler, ...caught, 0x0b];
    }
    const clause = this.#below(2) === 0 ? [0x00, 0, 0] : [0x02, 0];
    this.#labels.push("plain");
    const inside = body();
    this.#labels.pop();
    return [0x02, 0x40, 0x1f, 0x40, 1, ...clause, ...inside, ...throwing, 0x0b, 0x0b];
  }

  #tailCall(): number[] {
    // In a block that is left at once when the tail call is not taken.
    const call = [...this.#parameters(1), 0x13, TYPES.indexOf(this.#result), 0];
    const indirect = [...call.slice(0, -3), ...this.#value("i32", 1), ...call.slice(-3)];
    return [...this.#value("i32", 1), 0x04, 0x40, ...indirect, 0x0b];
  }

  #parameters(depth: number): number[] {
    return TYPES.flatMap((type) => this.#value(type, depth));
  }

  /** Mostly inside the memory. */
  #address(depth: number): number[] {
    const mask = this.#below(20) === 0 ? 0xfffff : 0xffff;
    return [...this.#value("i32", depth - 1), 0x41, ...signed(BigInt(mask)), 0x71];
  }

  #value(type: Type, depth: number): number[] {
    if (depth <= 0 || this.#below(5) === 0) return this.#leaf(type);
    const deeper = (of: Type) => this.#value(of, depth - 1);
    const call = () =>
      this.#below(3) > 0 ? this.#leaf(type) : [
        ...this.#parameters(depth - 2),
        ...[...deeper("i32"), 0x41, 15, 0x71],
        ...[0x11, TYPES.indexOf(type), ...padded(0)],
      ];
    const block = () => {
      this.#labels.push(null);
      const code = [0x02, CODE[type], ...this.#statement(depth - 1), ...deeper(type), 0x0b];
      this.#labels.pop();
      return code;
    };
    const select = () => [...deeper(type), ...deeper(type), ...deeper("i32"), 0x1c, 1, CODE[type]];
    const own: Readonly<Record<Type, readonly (() => number[])[]>> = {
      i32: [
        () => [...deeper("i32"), ...deeper("i32"), this.#pick([0x6a, 0x6b, 0x6c, 0x71, 0x74])],
        () => [...deeper("i32"), ...deeper("i32"), this.#pick([0x6d, 0x6e, 0x6f, 0x70])],
        () => [...deeper("i64"), ...deeper("i64"), this.#pick([0x51, 0x53, 0x5a])],
        () => [...deeper("f64"), ...deeper("f64"), this.#pick([0x61, 0x63, 0x66])],
        () => [...deeper("i64"), 0xa7],
        () => [...deeper("i32"), this.#pick([0xc0, 0xc1, 0x67, 0x69, 0x45])],
        () => [...this.#address(depth), 0x28, 2, 0],
        () => [...deeper("f64"), 0xfc, this.#pick([2, 3])],
        () => [0x3f, 0],
        () => [
          ...deeper("i32"),
          0xfd,
          0x0f,
          ...deeper("i32"),
          0xfd,
          0x11,
          0xfd,
          0x6e,
          0xfd,
          0x1b,
          2,
        ],
      ],
      i64: [
        () => [...deeper("i64"), ...deeper("i64"), this.#pick([0x7c, 0x7d, 0x7e, 0x83, 0x88])],
        () => [...deeper("i64"), ...deeper("i64"), this.#pick([0x7f, 0x80, 0x82])],
        () => [...deeper("i32"), this.#pick([0xac, 0xad])],
        () => [...deeper("i64"), this.#pick([0xc2, 0xc3, 0xc4, 0x79])],
        () => [...this.#address(depth), 0x29, 3, 0x88, 0x80, 0x00],
        () => [...deeper("f64"), 0xfc, this.#pick([6, 7])],
      ],
      f64: [
        () => [...deeper("f64"), ...deeper("f64"), this.#pick([0xa0, 0xa1, 0xa2, 0xa3])],
        () => [...deeper("i64"), 0xb9],
        () => [...deeper("i32"), 0xb7],
        () => [...deeper("f64"), this.#pick([0x99, 0x9a, 0x9f, 0x9c])],
      ],
    };
    return this.#pick([...own[type], call, block, select])();
  }

  #leaf(type: Type): number[] {
    if (this.#below(2) === 0) return [0x20, TYPES.indexOf(type)];
    if (type === "f64") {
      return [0x44, ...f64Bytes(this.#pick([0, -1.5, 1e9, Infinity, 0.1]))];
    }
    if (this.#below(3) === 0) return type === "i32" ? [0x23, 1] : [0x20, 5];
    const small = BigInt(this.#below(200) - 100);
    const value = this.#below(4) === 0 ? small * 0x1234567n : small;
    return [type === "i32" ? 0x41 : 0x42, ...signed(BigInt.asIntN(32, value))];
  }

  #below(bound: number): number {
    // mulberry32
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) % bound;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }
}
