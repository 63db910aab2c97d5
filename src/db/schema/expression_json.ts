/**
 * Reads expressions back from JSON. What a comment in a database says is not trusted to have the
 * right shape: anything else than an expression of the closed set gives undefined.
 *
 * @module
 */

import { isJsonObject } from "../../base/json.ts";
import type { Expression, IndexKey } from "./spec.ts";

type Comparison = Extract<Expression, { kind: "compare" }>["operator"];
type Callable = Extract<Expression, { kind: "call" }>["function"];

const OPERATORS: ReadonlySet<unknown> = new Set<Comparison>([
  "=",
  "<>",
  "<",
  "<=",
  ">",
  ">=",
  "like",
  "+",
  "-",
  "*",
  "/",
  "||",
]);
const FUNCTIONS: ReadonlySet<unknown> = new Set<Callable>([
  "lower",
  "upper",
  "trim",
  "length",
  "coalesce",
  "abs",
  "now",
]);

/**
 * Tells whether a word is an operator of comparisons.
 *
 * @param word anything.
 * @returns true when it is.
 */
export function isOperator(word: unknown): word is Comparison {
  return OPERATORS.has(word);
}

/**
 * Tells whether a word is a function that expressions may call.
 *
 * @param word anything.
 * @returns true when it is.
 */
export function isFunction(word: unknown): word is Callable {
  return FUNCTIONS.has(word);
}

/**
 * Reads an expression.
 *
 * @param value parsed JSON.
 * @returns the expression, or undefined when it is none.
 */
export function parseExpression(value: unknown): Expression | undefined {
  if (!isJsonObject(value)) return undefined;
  switch (value.kind) {
    case "column":
      return typeof value.name === "string" ? { kind: "column", name: value.name } : undefined;
    case "literal":
      return typeof value.value === "object" && value.value !== null || value.value === undefined
        ? undefined
        : { kind: "literal", value: value.value };
    case "compare": {
      const [left, right] = [parseExpression(value.left), parseExpression(value.right)];
      if (left === undefined || right === undefined || !isOperator(value.operator)) {
        return undefined;
      }
      return { kind: "compare", operator: value.operator, left, right };
    }
    case "and":
    case "or": {
      const operands = parseAll(value.operands);
      return operands && { kind: value.kind, operands };
    }
    case "not":
    case "isNull":
    case "isNotNull": {
      const operand = parseExpression(value.operand);
      return operand && { kind: value.kind, operand };
    }
    case "in": {
      const [operand, values] = [parseExpression(value.operand), parseAll(value.values)];
      return operand && values && { kind: "in", operand, values };
    }
    case "call": {
      const operands = parseAll(value.arguments);
      if (operands === undefined || !isFunction(value.function)) return undefined;
      return { kind: "call", function: value.function, arguments: operands };
    }
    default:
      return undefined;
  }
}

/**
 * Reads keys of an index.
 *
 * @param value parsed JSON.
 * @returns the keys, or undefined when they are none.
 */
export function parseIndexKeys(value: unknown): readonly IndexKey[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys: IndexKey[] = [];
  for (const each of value) {
    const expression = isJsonObject(each) ? parseExpression(each.expression) : undefined;
    if (expression === undefined) return undefined;
    keys.push({ expression, ...(each.descending === true ? { descending: true } : {}) });
  }
  return keys;
}

function parseAll(value: unknown): readonly Expression[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const parsed = value.map(parseExpression);
  return parsed.every((each) => each !== undefined) ? parsed : undefined;
}
