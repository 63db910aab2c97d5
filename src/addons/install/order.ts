/**
 * What an installation is made from, gathered before its transaction begins.
 *
 * @module
 */

import type { Caller } from "../../base/caller.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import type { PreparedModule } from "../../sandbox/module/prepare.ts";
import type { Model } from "../../models/model.ts";
import type { Tables } from "../installation_store.ts";
import type { InstallSecret } from "./secret.ts";

/** One bundle for one organization. */
export interface InstallOrder {
  readonly caller: Caller;
  readonly bundle: Bundle;
  readonly archive: Uint8Array;
  readonly secret: InstallSecret;
  /** The bundle's module as it will run, with the name it is kept under; absent without code. */
  readonly code?: { readonly id: string; readonly module: PreparedModule };
  /** Identifier of the installation, should it be new. */
  readonly installationId: string;
  /** RFC 3339 time. */
  readonly at: string;
  /** Reads the models that the organization already has, whoever owns them. */
  readonly modelsInUse: (tables: Tables) => Promise<readonly Model[]>;
  /** Hears of statements of migrations that were accepted but left out. */
  readonly note: (note: string) => void;
}
