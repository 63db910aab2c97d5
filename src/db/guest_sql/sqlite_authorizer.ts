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

/** A table behind the wall. */
export interface WalledTable {
  /** The view that statements name. */
  readonly view: string;
  /**
   * The view behind it, which alone reads the table. SQLite tells the authorizer the name of a
   * common table expression as it tells that of a view, so this name is a secret that stands in no
   * statement.
   */
  readonly inner: string;
  /** The table. */
  readonly base: string;
}

/**
 * Makes the rule for guests' statements.
 *
 * @param find finds a table by the name of either view.
 * @returns the rule.
 */
export function guestAuthorizer(find: (view: string) => WalledTable | undefined): Authorizer {
  return (action, first, second, schema, context) =>
    isPermitted(find, action, first, second, schema, context) ? OK : DENY;
}

function isPermitted(
  find: (view: string) => WalledTable | undefined,
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
      if (schema === "temp") {
        const walled = find(table);
        return walled?.view === table || (walled !== undefined && walled.view === context);
      }
      if (schema !== "main") return false;
      if (TABLE_FUNCTIONS.has(table)) return true;
      const walled = context === null ? undefined : find(context);
      return walled?.inner === context && walled.base === table;
    }
    default:
      return false;
  }
}
