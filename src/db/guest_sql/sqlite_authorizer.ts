/**
 * What SQLite's own compiler lets a guest's statement do, whatever its text says: read the views of
 * the tenant's rows, and nothing else. A base table is read from inside its view only.
 *
 * @module
 */

/** Codes of SQLite's authorizer (sqlite.org/c3ref/c_alter_table.html). */
const READ = 20, SELECT = 21, FUNCTION = 31, RECURSIVE = 33;
/** The authorizer's answers. */
const OK = 0, DENY = 1;

/** Functions of SQLite that guests' statements are rendered with; their own begin with `guest_`. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  `abs avg coalesce count cume_dist dense_rank first_value group_concat ifnull iif
   json json_array json_array_length json_each json_extract json_group_array json_group_object
   json_object json_quote json_type json_valid lag last_value lead max min nth_value
   ntile nullif percent_rank rank round row_number sum total -> ->>`.split(/\s+/),
);
const OWN_FUNCTION = /^guest_[a-z0-9_]+$/;
/** Table functions that read nothing but their argument. */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each"]);

/** What SQLite asks about: an action, two names, a schema, and the view or trigger it happens in. */
export type Authorizer = (
  action: number,
  first: string | null,
  second: string | null,
  schema: string | null,
  context: string | null,
) => number;

/**
 * Makes the rule for guests' statements.
 *
 * @param baseOf finds the base table of a view of this wall; the views' names cannot be guessed, so
 *   that no common table expression can pretend to be one.
 * @returns the rule.
 */
export function guestAuthorizer(baseOf: (view: string) => string | undefined): Authorizer {
  return (action, first, second, schema, context) =>
    isPermitted(baseOf, action, first, second, schema, context) ? OK : DENY;
}

function isPermitted(
  baseOf: (view: string) => string | undefined,
  ...[action, first, second, schema, context]: Parameters<Authorizer>
): boolean {
  switch (action) {
    case SELECT:
    case RECURSIVE:
      return true;
    case FUNCTION: {
      const name = second?.toLowerCase() ?? "";
      return OWN_FUNCTION.test(name) || FUNCTIONS.has(name);
    }
    case READ: {
      const table = first ?? "";
      if (schema === "temp") return baseOf(table) !== undefined;
      if (schema !== "main") return false;
      if (TABLE_FUNCTIONS.has(table)) return true;
      return context !== null && baseOf(context) === table;
    }
    default:
      return false;
  }
}
