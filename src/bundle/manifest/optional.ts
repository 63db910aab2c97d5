/**
 * Optional fields of read shapes: what was absent in the manifest is absent in the shape, never
 * present as undefined.
 *
 * @module
 */

/** A shape whose possibly undefined fields have become optional ones. */
export type Defined<Shape> =
  & { [Key in keyof Shape as undefined extends Shape[Key] ? never : Key]: Shape[Key] }
  & {
    [Key in keyof Shape as undefined extends Shape[Key] ? Key : never]?: Exclude<
      Shape[Key],
      undefined
    >;
  };

/**
 * Leaves out the fields that are undefined.
 *
 * @param shape fields by name.
 * @returns the same without them.
 */
export function defined<Shape extends object>(shape: Shape): Defined<Shape> {
  const kept = Object.entries(shape).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as Defined<Shape>;
}
