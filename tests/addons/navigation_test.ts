import assert from "node:assert/strict";
import { mergeNavigation } from "../../src/addons/navigation.ts";

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
