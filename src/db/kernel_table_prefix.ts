/**
 * On SQLite, which has no schemas, kernel tables carry the prefix `metacore_`. This plugin adds it
 * to the names of kernel tables in typed queries and to no other name.
 *
 * @module
 */

import {
  IdentifierNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  type SchemableIdentifierNode,
  type UnknownRow,
} from "kysely";
import { KERNEL_TABLE_NAMES } from "./tables.ts";

class PrefixTransformer extends OperationNodeTransformer {
  protected override transformSchemableIdentifier(
    node: SchemableIdentifierNode,
  ): SchemableIdentifierNode {
    if (node.schema !== undefined || !KERNEL_TABLE_NAMES.has(node.identifier.name)) return node;
    return { ...node, identifier: IdentifierNode.create(`metacore_${node.identifier.name}`) };
  }
}

/** Adds `metacore_` to the names of kernel tables. */
export class KernelTablePrefix implements KyselyPlugin {
  readonly #transformer = new PrefixTransformer();

  /** Renames the tables of one query. */
  transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    return this.#transformer.transformNode(args.node);
  }

  /** Leaves results as they are. */
  transformResult(args: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return Promise.resolve(args.result);
  }
}
