/**
 * Tells which validators a manifest names that nobody knows here, so that a rule that is not enforced
 * is not passed over in silence.
 *
 * @module
 */

import type { ColumnDefinition, Manifest } from "../../bundle/manifest/manifest.ts";
import { organizationReference } from "../../models/custom_validators.ts";

/**
 * Lists what a manifest's columns ask for in vain.
 *
 * @param manifest the manifest.
 * @param known names of the host application's validators.
 * @returns one sentence for each column; `$org.<key>` is never among them, for an organization may set
 *   its value at any time.
 */
export function validatorWarnings(manifest: Manifest, known: ReadonlySet<string>): string[] {
  const declared = manifest.model_definitions.flatMap((model, index) =>
    unknown(`model_definitions[${index}]`, model.columns, known)
  );
  const extended = manifest.extensions.flatMap((extension, index) =>
    unknown(`extensions[${index}]`, extension.columns ?? [], known)
  );
  return [...declared, ...extended];
}

function unknown(
  path: string,
  columns: readonly ColumnDefinition[],
  known: ReadonlySet<string>,
): string[] {
  return columns.flatMap(({ name, validation }, index) => {
    const custom = validation?.custom;
    if (custom === undefined || custom === "" || known.has(custom)) return [];
    if (organizationReference(custom) !== undefined) return [];
    return [
      `${path}.columns[${index}].validation.custom: no validator "${custom}" is known here, so ` +
      `"${name}" is not checked by it`,
    ];
  });
}
