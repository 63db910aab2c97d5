import {
  action,
  // deno-lint-ignore verbatim-module-syntax -- AssemblyScript knows no type-only imports
  ActionInput,
  dbExec,
  dbQuery,
  declined,
  done,
  emit,
  Json,
  log,
  setting,
  uuid,
} from "./metacore";

export { alloc } from "./metacore";

/** Approves a submitted expense, up to the limit that the organization has set. */
export function approve(ptr: usize, length: usize): u64 {
  return action(ptr, length, (input: ActionInput): Json => {
    const limit = setting("approval_limit");
    const amount = input.row.get("amount");
    const isManager = managesExpenses(input.user.get("role").asString());
    if (limit.length > 0 && cents(amount.asString()) > cents(limit) && !isManager) {
      return declined("over_limit", `${amount.asString()} is above the limit of ${limit}`);
    }
    return decide(input, "approved", input.payload.get("note"));
  });
}

/** Rejects a submitted expense; the reason is not optional. */
export function reject(ptr: usize, length: usize): u64 {
  return action(ptr, length, (input: ActionInput): Json => {
    const reason = input.payload.get("note");
    if (reason.asString().trim().length == 0) {
      return declined("reason_missing", "say why the expense is rejected");
    }
    return decide(input, "rejected", reason);
  });
}

/** Adds up the organization's expenses in the category of this one. */
export function summary(ptr: usize, length: usize): u64 {
  return action(ptr, length, (input: ActionInput): Json => {
    const category = input.row.get("category");
    const result = dbQuery(
      "SELECT status, count(*) AS expenses, sum(amount) AS total FROM expenses " +
        "WHERE category = $1 GROUP BY status ORDER BY status",
      [category],
    );
    if (!result.ok) return declined(result.errorCode, result.errorMessage);
    return done(Json.object().set("category", category).set("by_status", result.rows));
  });
}

function decide(input: ActionInput, status: string, note: Json): Json {
  const id = input.row.get("id").asString();
  // The condition on the status decides between two people who press the button at the same time.
  const update = dbExec(
    "UPDATE expenses SET status = $1, decision_note = $2 WHERE id = $3 AND status = 'submitted'",
    [Json.string(status), note, uuid(id)],
  );
  if (!update.ok) return declined(update.errorCode, update.errorMessage);
  if (update.rowsAffected == 0) {
    return declined("not_submitted", "only a submitted expense can be decided on");
  }
  const facts = Json.object()
    .set("id", Json.string(id))
    .set("status", Json.string(status))
    .set("amount", input.row.get("amount"));
  const refusal = emit(`expenses.expense.${status}`, facts);
  if (refusal.length > 0) return declined("event_refused", refusal);
  log(`expense ${id} ${status}`);
  return done(facts);
}

function managesExpenses(role: string): bool {
  return role == "owner" || role == "admin";
}

/** An amount such as `12.5` in hundredths: binary fractions have no place in a comparison of money. */
function cents(amount: string): i64 {
  const dot = amount.indexOf(".");
  const whole = dot < 0 ? amount : amount.substring(0, dot);
  const fraction = dot < 0 ? "00" : (amount.substring(dot + 1) + "00").substring(0, 2);
  const value = I64.parseInt(whole) * 100;
  return whole.startsWith("-") ? value - I64.parseInt(fraction) : value + I64.parseInt(fraction);
}
