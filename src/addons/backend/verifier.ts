/**
 * Takes calls of backends, each once: signature, clock, installation, and a nonce that the database
 * keeps, so that no replica takes a call again, also after a restart.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { isUuid } from "../../base/ids.ts";
import { equalSecrets } from "../../base/secret.ts";
import type { Database } from "../../db/database.ts";
import type { InstallationRow } from "../installation_store.ts";
import type { SignedCall, SignedCallVerifier } from "./backend.ts";
import { callRefused } from "./errors.ts";
import { type InstallSecrets, openInstallSecrets } from "./install_secrets.ts";
import { firstSignature, secondSignature, SIGNED_HEADERS, type SignedParts } from "./signature.ts";

/** What verifying takes. */
export interface SignedCallVerifierOptions {
  readonly database: Database;
  /** 32 bytes that install secrets are sealed under. */
  readonly masterKey: Uint8Array;
  readonly clock: Clock;
}

/** How far a call's clock may be away, to both sides. */
export const MAX_SKEW_MS = 300_000;
/** A call of the last moment is valid for twice the skew; the rest is for replicas' own clocks. */
const NONCE_LIFE_MS = 4 * MAX_SKEW_MS;
const SWEEP_EVERY_MS = 60_000;
const TIMESTAMP = /^\d{1,12}$/;
const FIRST_FORM = /^sha256=[0-9a-f]{64}$/;
/** No space: two fields of one name come as one with `, ` between. */
const SECOND_FORM = /^v2=[0-9a-f]{64}(?:,v2=[0-9a-f]{64})?$/;

/**
 * Makes the verifier.
 *
 * @param options what verifying takes.
 * @returns the verifier.
 */
export function createSignedCallVerifier(options: SignedCallVerifierOptions): SignedCallVerifier {
  return new NonceKeepingVerifier(options);
}

/** What the header fields of a call say. */
interface Signed {
  readonly parts: SignedParts;
  readonly timestampMs: number;
  /** Signatures of one form, one of which must be right. */
  readonly given: readonly string[];
  readonly form: (secret: string, parts: SignedParts) => string;
}

class NonceKeepingVerifier implements SignedCallVerifier {
  readonly #options: SignedCallVerifierOptions;
  #sweepAtMs = -Infinity;

  constructor(options: SignedCallVerifierOptions) {
    this.#options = options;
  }

  async verify(
    call: SignedCall,
  ): Promise<{ readonly organizationId: string; readonly addonKey: string }> {
    const { clock, masterKey } = this.#options;
    const nowMs = clock.nowMs();
    const signed = readHeaders(call);
    if (Math.abs(nowMs - signed.timestampMs) > MAX_SKEW_MS) throw callRefused("clock");
    const row = await this.#installation(call.installationId);
    const secrets = await openInstallSecrets(masterKey, row, nowMs);
    if (secrets === undefined || !isSignedBy(secrets, signed)) throw callRefused("other");
    // Before the nonce: a call that fails here can be sent again.
    await this.#sweep(nowMs);
    // Last of all: only who holds the secret uses up nonces.
    await this.#take(row.id, signed.parts.nonce, nowMs);
    return { organizationId: row.organization_id, addonKey: row.addon_key };
  }

  async #installation(id: string): Promise<InstallationRow> {
    const row = isUuid(id)
      ? await this.#options.database.kysely.selectFrom("installations").selectAll()
        .where("id", "=", id.toLowerCase()).where("status", "=", "enabled").executeTakeFirst()
      : undefined;
    if (row === undefined) throw callRefused("other");
    return row;
  }

  async #take(installationId: string, nonce: string, nowMs: number): Promise<void> {
    const taken = await this.#options.database.kysely.insertInto("call_nonces").values({
      installation_id: installationId,
      nonce: nonce.toLowerCase(),
      expires_at: new Date(nowMs + NONCE_LIFE_MS).toISOString(),
    }).onConflict((conflict) => conflict.columns(["installation_id", "nonce"]).doNothing())
      .returning("nonce").execute();
    if (taken.length === 0) throw callRefused("other");
  }

  async #sweep(nowMs: number): Promise<void> {
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + SWEEP_EVERY_MS;
    await this.#options.database.kysely.deleteFrom("call_nonces")
      .where("expires_at", "<", new Date(nowMs).toISOString()).execute();
  }
}

function readHeaders({ installationId, method, path, headers, body }: SignedCall): Signed {
  const timestamp = headers.get(SIGNED_HEADERS.timestamp) ?? "";
  const nonce = headers.get(SIGNED_HEADERS.nonce) ?? "";
  const first = headers.get(SIGNED_HEADERS.signature);
  const second = headers.get(SIGNED_HEADERS.second);
  // The second form decides where it is there, whatever the first one says.
  const [text, grammar, form] = second === null
    ? [first ?? "", FIRST_FORM, firstSignature] as const
    : [second, SECOND_FORM, secondSignature] as const;
  if (!TIMESTAMP.test(timestamp) || !isUuid(nonce) || !grammar.test(text)) {
    throw callRefused("other");
  }
  return {
    parts: { installationId, timestamp, nonce, method, path, body },
    timestampMs: Number(timestamp) * 1000,
    given: text.split(","),
    form,
  };
}

/** Every signature is compared with every secret, whatever the first comparison gave. */
function isSignedBy({ current, previous }: InstallSecrets, { parts, given, form }: Signed) {
  const secrets = previous === undefined ? [current] : [current, previous];
  let isRight = false;
  for (const secret of secrets) {
    const expected = bytes(form(secret, parts));
    for (const one of given) {
      if (equalSecrets(bytes(one), expected)) isRight = true;
    }
  }
  return isRight;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
