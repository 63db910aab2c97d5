import assert from "node:assert/strict";
import type { OwnedNavigationItem } from "../../src/addons/addon_service.ts";
import type { LiveInstallation } from "../../src/addons/live_installations.ts";
import { mergeNavigation } from "../../src/addons/navigation.ts";
import { createNavigation } from "../../src/addons/navigation_view.ts";
import type { UserCaller } from "../../src/base/caller.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { NavigationGroup } from "../../src/bundle/manifest/manifest.ts";
import { parseManifest } from "../../src/bundle/mod.ts";
import { modelsOf } from "../../src/models/from_definition.ts";
import { createSnapshot } from "../../src/models/snapshot.ts";
import { definitionWith, ORGANIZATION as ORG } from "../models/samples.ts";

const home = { title: "Home", url: "/" };

Deno.test("mergeNavigation() answers with the core groups where no addon contributes", () => {
  const core = [{ title: "Core", target: "core", items: [home] }];
  assert.deepEqual(mergeNavigation(core, []), core);
});

Deno.test("mergeNavigation() matches the recorded merge of core, titled and orphan groups", () => {
  const merged = mergeNavigation(
    [{ title: "Core", target: "core", items: [home] }],
    [{
      addonKey: "demo",
      groups: [
        { title: "", target: "core", items: [{ title: "Into core", url: "/x" }] },
        { title: "Demo", icon: "Box", target: "unknown", items: [{ title: "A", model: "a" }] },
        { title: " ", items: [{ title: "Lost" }] },
      ],
    }],
  );
  const owner = "addon:demo";
  assert.deepEqual(merged, [
    {
      title: "Core",
      target: "core",
      items: [home, { title: "Into core", url: "/x", owner }],
    },
    { title: "Demo", icon: "Box", items: [{ title: "A", model: "a", owner }] },
    { title: "sidebar.addons", icon: "Puzzle", items: [{ title: "Lost", owner }] },
  ]);
});

Deno.test("mergeNavigation() orders contributions by addon key, then declaration", () => {
  const into = (addonKey: string, ...titles: string[]) => ({
    addonKey,
    groups: titles.map((title) => ({ title: "", target: "core", items: [{ title }] })),
  });
  const [core] = mergeNavigation(
    [{ title: "Core", target: "core", items: [] }],
    [into("zoo", "z1", "z2"), into("a_b", "a")],
  );
  assert.deepEqual(core?.items.map((item) => item.title), ["a", "z1", "z2"]);
});

Deno.test("mergeNavigation() lets the last of several core groups with one target win", () => {
  const group = (title: string) => ({ title, target: "core", items: [] });
  const merged = mergeNavigation([group("First"), group("Last")], [
    { addonKey: "demo", groups: [{ title: "", target: "core", items: [home] }] },
  ]);
  assert.deepEqual(merged.map((one) => one.items.length), [0, 1]);
});

Deno.test("mergeNavigation() owns nested entries and changes none of its inputs", () => {
  const core = [{ title: "Core", target: "core", items: [home] }];
  const groups = [{ title: "", target: "core", items: [{ title: "P", items: [home] }] }];
  const before = structuredClone({ core, groups });
  const merged = mergeNavigation(core, [{ addonKey: "demo", groups }]);
  assert.equal(merged[0]?.items[1]?.items?.[0]?.owner, "addon:demo");
  assert.deepEqual({ core, groups }, before);
});

Deno.test("mergeNavigation() takes no empty target for a core group's", () => {
  const merged = mergeNavigation([{ title: "Core", items: [home] }], [
    { addonKey: "demo", groups: [{ title: "Demo", target: "", items: [home] }] },
  ]);
  assert.deepEqual(merged.map((group) => group.title), ["Core", "Demo"]);
});

Deno.test("mergeNavigation() sorts groups and entries by their order, the group of orphans last", () => {
  const merged = mergeNavigation(
    [{ title: "B", order: 2, target: "b", items: [{ title: "b1" }] }, { title: "C", items: [] }],
    [{
      addonKey: "demo",
      groups: [
        { title: "A", order: -1, items: [{ title: "a2", order: 9 }, { title: "a1" }] },
        { title: "", target: "b", items: [{ title: "b0", order: -5 }] },
        { title: "", items: [{ title: "orphan" }] },
      ],
    }],
  );
  assert.deepEqual(merged.map(({ title, items }) => [title, items.map((item) => item.title)]), [
    ["A", ["a1", "a2"]],
    ["C", []],
    ["B", ["b0", "b1"]],
    ["sidebar.addons", ["orphan"]],
  ]);
  assert.ok(merged.every((group) => !("order" in group)));
});

const CALLER: UserCaller = {
  kind: "user",
  organizationId: ORG,
  userId: "0193a000-0000-7000-8000-0000000000c1",
  requestId: "req",
  role: "agent",
};

/** The navigation of a caller who holds some permissions. */
async function seen(groups: JsonObject[], held: string[], core: NavigationGroup[] = []) {
  const manifest = parseManifest({
    key: "desk",
    name: "Desk",
    version: "1.0.0",
    navigation: groups,
    model_definitions: [
      definitionWith([{ name: "title", type: "string" }], { model_key: "Ticket" }),
    ],
  });
  // Border: of the row only the status is looked at here.
  const installation = {
    row: { status: "enabled" },
    manifest,
    signature: null,
  } as unknown as LiveInstallation;
  const nothing = () => Promise.resolve();
  const navigation = createNavigation({
    access: {
      check: nothing,
      allows: (_caller, permission) => Promise.resolve(held.includes(permission)),
      grantToRole: nothing,
      grantToUser: nothing,
      revokeFromRole: nothing,
      revokeFromUser: nothing,
    },
    coreNavigation: core,
    translations: {
      translator: () => Promise.resolve((key, text) => text === "t" ? `${key}'s text` : text),
    },
  });
  const shown = await navigation(CALLER, {
    snapshot: createSnapshot("1", modelsOf(manifest, "addon_desk")),
    installations: new Map([["desk", installation]]),
  });
  const titles = (items: readonly OwnedNavigationItem[]): unknown[] =>
    items.map((item) => item.items === undefined ? item.title : [item.title, titles(item.items)]);
  return shown.map(({ title, items }) => [title, titles(items)]);
}

Deno.test("the navigation leaves out what a caller may not open, and what is empty by that", async () => {
  const groups = [
    {
      title: "Work",
      items: [
        { title: "Free", url: "/free" },
        { title: "Guarded", url: "/guarded", permission: "desk.manage" },
        { title: "Tickets", model: "tickets" },
        { title: "Elsewhere", model: "elsewhere" },
        { title: "Heading", items: [{ title: "Inner", url: "/x", permission: "desk.manage" }] },
        { title: "Page", url: "/p", items: [{ title: "Inner", url: "/x", permission: "no.such" }] },
        { title: "Nonsense", url: "/n", permission: "nonsense" },
      ],
    },
    { title: "Secret", items: [{ title: "Guarded", url: "/g", permission: "desk.manage" }] },
  ];
  assert.deepEqual(await seen(groups, []), [["Work", ["Free", ["Page", []]]]]);
  assert.deepEqual(await seen(groups, ["desk.manage", "Ticket.read", "elsewhere.read"]), [
    ["Work", [
      "Free",
      "Guarded",
      "Tickets",
      "Elsewhere",
      ["Heading", ["Inner"]],
      ["Page", []],
    ]],
    ["Secret", ["Guarded"]],
  ]);
});

Deno.test("the navigation keeps groups that were empty, and translates addons' titles only", async () => {
  const core = [
    { title: "t", target: "core", items: [{ title: "t", url: "/t" }] },
    { title: "Empty", target: "empty", items: [] },
  ];
  const groups = [
    { title: "t", items: [{ title: "t", url: "/a" }] },
    { title: "", target: "core", items: [{ title: "t", url: "/b" }] },
  ];
  assert.deepEqual(await seen(groups, [], core), [
    ["t", ["t", "desk's text"]],
    ["Empty", []],
    ["desk's text", ["desk's text"]],
  ]);
});
