/**
 * `gn_metric_observe`, `gn_span_event`, `gn_event_emit`, `gn_i18n_translate`
 * (contract/gonext.md §2.2). No capability is asked; the dam and the budgets bound them.
 *
 * @module
 */

import { bytesOf, textOf } from "../arguments.ts";
import type { HostArgument } from "../../../sandbox/sandbox.ts";
import type { HostFunction, HostInvocation } from "../host_function.ts";
import { Refusal } from "../refusal.ts";
import { BAD_MAP, numericRefusal, ZERO } from "../reply.ts";
import { recordCall, recordOwn } from "../audit.ts";
import { slugOf } from "./rights.ts";
import { decodeTextMap } from "./text_map.ts";

const NAME = { what: "the name", maxBytes: 256 };
const MAP = { what: "the map", maxBytes: 65_536, code: BAD_MAP };
const TEXT = { what: "the key", maxBytes: 65_536 };
/** What becomes a label is kept for as long as the process lives. */
const MAX_LABEL_LENGTH = 256;
const METRIC_NAME = /^[A-Za-z_][A-Za-z0-9_.:/-]*$/;
const TAG_KEY = /^[A-Za-z_][A-Za-z0-9_.:/-]{0,63}$/;

/** Takes an observation into the histogram and gauge of addons. */
export const metricObserve: HostFunction = {
  budget: "metric",
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("observation"),
  prepare: (invocation, call) => {
    const name = nameOf(call.arguments[0]);
    if (!METRIC_NAME.test(name)) throw new Refusal("bad_request", "no name of a metric");
    const value = call.arguments[1];
    const tags = mapOf(call.arguments[2]);
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw new Refusal("bad_request", "an observation is a finite number");
    }
    for (const [key, held] of tags) {
      if (TAG_KEY.test(key) && held.length <= MAX_LABEL_LENGTH) continue;
      throw new Refusal("bad_request", "a tag's name or value is not in order", BAD_MAP);
    }
    return {
      run: () => {
        observe(invocation, { name, value, tags });
        return ZERO;
      },
    };
  },
};

/** Writes a line: spans are not kept. */
export const spanEvent: HostFunction = {
  budget: "metric",
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("observation"),
  prepare: (invocation, call) => {
    const name = nameOf(call.arguments[0]);
    const attributes = mapOf(call.arguments[1]);
    return {
      run: () => {
        const { services, context } = invocation;
        services.logger.debug("span event of addon code", {
          addon: context.subject.addonKey,
          organization_id: context.subject.organizationId,
          request_id: context.subject.requestId,
          event: name,
          attributes: Object.fromEntries(attributes),
        });
        return ZERO;
      },
    };
  },
};

/** Records an event of the plugin; the name it gives is a fact of the record, not the record's name. */
export const gonextEventEmit: HostFunction = {
  budget: "audit",
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("observation"),
  prepare: (invocation, call) => {
    const name = nameOf(call.arguments[0]);
    const data = mapOf(call.arguments[1]);
    return {
      run: () => {
        const { addonKey, organizationId } = invocation.context.subject;
        if (!invocation.services.auditRate.take(`${organizationId}\n${addonKey}`)) {
          throw new Refusal("rate_limited", "too many records");
        }
        const facts = { ...Object.fromEntries(data), plugin: slugOf(invocation), event: name };
        recordOwn(invocation, { name: "plugin.event", details: facts });
        return ZERO;
      },
    };
  },
};

/** Translates a key; `0` where there is no translation. */
export const translate: HostFunction = {
  budget: "lookup",
  maxTimeMs: 1_000,
  refuse: () => numericRefusal("zero"),
  prepare: ({ context, services }, call) => {
    const key = textOf(call.arguments[0], TEXT);
    const locale = textOf(call.arguments[1], TEXT);
    return {
      run: () => {
        const { organizationId, addonKey } = context.subject;
        const text = services.translate?.(organizationId, addonKey, key, locale);
        if (text === undefined || text === "" || text === key) return ZERO;
        return { bytes: new TextEncoder().encode(text) };
      },
    };
  },
};

interface Observation {
  readonly name: string;
  readonly value: number;
  readonly tags: ReadonlyMap<string, string>;
}

function observe(invocation: HostInvocation, { name, value, tags }: Observation): void {
  const { metricDam, figures } = invocation.services;
  const { addonKey } = invocation.context.subject;
  const verdict = metricDam.admit(addonKey, name, tags);
  if (verdict.admitted) {
    const labels = labelsOf(verdict.tags === "kept" ? tags : []);
    figures.observed(addonKey, { ...labels, metric: name }, value);
    return;
  }
  figures.observationRefused(addonKey);
  if (verdict.isFirst) {
    recordCall(invocation, {
      name: "plugin.metric_cardinality_exceeded",
      severity: "warning",
      details: { metric: name, overflowing_tag: verdict.tag, limit: verdict.limit },
      variant: `${name}\n${verdict.tag}`,
    });
  }
  throw new Refusal("quota", "too many different values");
}

/** Prefixed, so that no tag passes for a label of the kernel's. */
function labelsOf(tags: Iterable<readonly [string, string]>): Record<string, string> {
  const labels = [...tags].filter(([, value]) => value !== "")
    .map(([key, value]) => [`tag_${key.replace(/[^A-Za-z0-9_]/g, "_")}`, value] as const);
  return Object.fromEntries(labels);
}

function nameOf(argument: HostArgument | undefined): string {
  const name = textOf(argument, NAME);
  if (name !== "") return name;
  throw new Refusal("bad_request", "the name is empty");
}

function mapOf(argument: HostArgument | undefined): ReadonlyMap<string, string> {
  const map = decodeTextMap(bytesOf(argument, MAP));
  if (map !== undefined) return map;
  throw new Refusal("bad_request", "the map is not one from text to text", BAD_MAP);
}
