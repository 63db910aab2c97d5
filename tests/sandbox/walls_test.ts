/**
 * The walls round the code inside a worker: every permission, the emptied scope, the protocol. Each
 * wall is also tried with a hole in it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KernelError } from "../../src/base/error.ts";
import { GUEST_HASH, GUEST_SOURCE, WATCHDOG_SOURCE } from "../../src/sandbox/guest_source.ts";
import { WorkerHandle } from "../../src/sandbox/guest_worker.ts";
import { noPermissions, startWalledWorker, workerUrl } from "../../src/sandbox/permissions.ts";
import { Watchdog, type WatchdogLink } from "../../src/sandbox/watchdog.ts";
import { hashGuestFiles } from "../../scripts/build_guest.ts";
import { invocation, loadedFromWat } from "./guest_fixture.ts";
import { ECHO, metacoreWat } from "../_support/guests/text.ts";

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;
const LIMITS = { startMs: 3_000, loadMs: 3_000, prepareMs: 500, graceMs: 200 };

Deno.test("the permissions name every permission and grant none", () => {
  assert.deepEqual(Object.keys(noPermissions()).sort(), [...PERMISSIONS].sort());
  assert.ok(Object.values(noPermissions()).every((value) => value === false));
});

Deno.test("the text of the workers is made from the files that lie there", async () => {
  assert.equal(GUEST_HASH, await hashGuestFiles(), "run `deno task guest`");
});

/** Starts the real code with other permissions. @returns what it found to be open */
async function breachesWith(deno: unknown): Promise<readonly string[]> {
  // The type of the options does not know that the object may be missing.
  const options = { type: "module", deno } as WorkerOptions;
  const worker = new Worker(workerUrl(GUEST_SOURCE), options);
  const { port1, port2 } = new MessageChannel();
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data.breaches);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      const stop = new SharedArrayBuffer(4);
      worker.postMessage({ t: "init", stop, watchdog: port1, bell: stop }, [port1]);
    });
  } finally {
    worker.terminate();
    port2.close();
  }
}

Deno.test("the self-test sees a hole in each wall", async (test) => {
  await test.step("no hole", async () => {
    assert.deepEqual(await breachesWith({ permissions: noPermissions() }), []);
  });
  for (const name of PERMISSIONS) {
    await test.step(name, async () => {
      const permissions = { ...noPermissions(), [name]: true };
      const breaches = await breachesWith({ permissions });
      assert.ok(breaches.includes(`permission ${name}`), breaches.join());
      // Importing has no attempt of its own: addon text never becomes worker code.
      if (name !== "import") assert.ok(breaches.length > 1, "and the attempt succeeded");
    });
  }
  await test.step("a permission for one folder only", async () => {
    const breaches = await breachesWith({ permissions: { ...noPermissions(), read: ["/etc"] } });
    assert.ok(breaches.length > 0, breaches.join());
  });
  await test.step("permissions that were forgotten", async () => {
    const breaches = await breachesWith(undefined);
    for (const name of PERMISSIONS) assert.ok(breaches.includes(`permission ${name}`));
  });
});

const PROBE = `
{
  const post = postMessage.bind(globalThis);
  const Names = Object;
  addEventListener("message", () => post({ t: "probe", names: found() }));
  const found = () => {
    const names = new Set();
    for (let at = globalThis; at !== null; at = Names.getPrototypeOf(at)) {
      for (const name of Names.getOwnPropertyNames(at)) names.add(name);
    }
    return [...names];
  };
}`;

for (const [name, source] of [["guest", GUEST_SOURCE], ["watchdog", WATCHDOG_SOURCE]] as const) {
  Deno.test(`nothing but the language is left in the scope of a ${name}`, async () => {
    const worker = startWalledWorker(workerUrl(PROBE + source), "probe");
    const { port1, port2 } = new MessageChannel();
    try {
      const names = await new Promise<readonly string[]>((resolve) => {
        let isReady = name === "watchdog";
        worker.onmessage = ({ data }) => {
          if (data?.t === "probe" && isReady) resolve(data.names);
          if (data?.t !== "ready") return;
          isReady = true;
          worker.postMessage({ t: "reply", id: 0 });
        };
        const stop = new SharedArrayBuffer(4);
        const init = { t: name === "guest" ? "init" : "time", stop, watchdog: port1, bell: stop };
        worker.postMessage(init, [port1]);
      });
      for (
        const gone of (
          "Deno fetch Worker BroadcastChannel caches navigator WebSocket XMLHttpRequest Request " +
          "Response EventSource localStorage sessionStorage indexedDB process Buffer require " +
          "importScripts postMessage close self eval setTimeout setInterval performance crypto " +
          "MessageChannel MessagePort Blob URL WebTransport console prompt alert confirm location " +
          "addEventListener onmessage global Intl Date structuredClone reportError"
        ).split(" ")
      ) {
        const isInherited = gone === "addEventListener";
        assert.ok(isInherited || !names.includes(gone), `${gone} is still there`);
      }
      assert.ok(names.includes("WebAssembly"));
    } finally {
      worker.terminate();
      port2.close();
    }
  });
}

/** A handle over a worker whose code is given. */
async function withHandle(
  source: string,
  run: (handle: WorkerHandle, link: WatchdogLink) => Promise<void>,
  limits = LIMITS,
): Promise<void> {
  const watchdog = await Watchdog.start();
  const { slot, link } = watchdog.watch();
  const worker = startWalledWorker(workerUrl(source), "test");
  const handle = new WorkerHandle(worker, slot, limits);
  try {
    await run(handle, link);
  } finally {
    await handle.close();
    watchdog.close();
  }
}

async function failsWith(promise: Promise<unknown>, code: string): Promise<KernelError> {
  const thrown = await promise.then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(thrown instanceof KernelError, String(thrown));
  assert.equal(thrown.code, code);
  return thrown;
}

Deno.test("a worker that is not walled in gets no module", async (test) => {
  const answer = (what: string) => `onmessage = () => postMessage(${what});`;
  for (
    const [name, source] of [
      ["breaches", answer('{ t: "ready", breaches: ["read"] }')],
      ["another message", answer('{ t: "loaded", memoryBytes: 0 }')],
      ["no breaches at all", answer('{ t: "ready" }')],
      ["breaches that are no list", answer('{ t: "ready", breaches: "" }')],
      ["nonsense", answer("1")],
      ["an error", 'throw new Error("boom");'],
      ["an error later", 'onmessage = () => { throw new Error("boom"); };'],
      ["a rejection", 'onmessage = () => { Promise.reject(new Error("boom")); };'],
      ["its end", "onmessage = () => self.close();"],
      ["silence", "onmessage = () => {};"],
    ] as const
  ) {
    await test.step(name, () =>
      withHandle(source, async (handle, link) => {
        await failsWith(handle.prove(link), "sandbox.worker_failed");
        assert.equal(handle.isUsable, false);
        await handle.ended;
      }, name === "its end" || name === "silence" ? { ...LIMITS, startMs: 100 } : LIMITS));
  }
});

/** Code of a worker that proves its walls, loads, and answers an invocation with given code. */
function impostor(onInvoke: string): string {
  return `onmessage = ({ data }) => {
    if (data.t === "init") postMessage({ t: "ready", breaches: [] });
    else if (data.t === "load") postMessage({ t: "loaded", memoryBytes: 1 });
    else { ${onInvoke} }
  };`;
}

Deno.test("a worker that breaks the protocol is ended", async (test) => {
  const loaded = await loadedFromWat(metacoreWat({ run: ECHO }));
  const done = '{ t: "done", id: 1, output: new Uint8Array(1), memoryBytes: 1 }';
  for (
    const [name, code] of [
      ["nonsense", "postMessage(undefined);"],
      ["unknown kind", 'postMessage({ t: "other" });'],
      ["another invocation", `postMessage({ ...${done}, id: 7 });`],
      ["output of another type", `postMessage({ ...${done}, output: "text" });`],
      ["a second start", 'postMessage({ t: "ready", breaches: [] });'],
      ["arguments of another type", 'postMessage({ t: "call", id: 1, name: "x", args: [{}] });'],
      ["too many log lines", `postMessage({ ...${done}, lines: new Array(300).fill([1, ""]) });`],
      [
        "an unknown code",
        'postMessage({ t: "failed", id: 1, code: "x", message: "", spent: true, memoryBytes: 0 });',
      ],
      ["an error", 'throw new Error("boom");'],
    ] as const
  ) {
    await test.step(name, () =>
      withHandle(impostor(code), async (handle, link) => {
        await handle.prove(link);
        await handle.load(loaded);
        await failsWith(handle.invoke(invocation("run")), "sandbox.worker_failed");
        await handle.ended;
      }));
  }
  await test.step("silence: the caller hears at the deadline, the thread is let go", () =>
    withHandle(impostor(""), async (handle, link) => {
      await handle.prove(link);
      await handle.load(loaded);
      const began = performance.now();
      const running = handle.invoke(invocation("run", { timeoutMs: 50 }));
      const error = await failsWith(running, "sandbox.timeout");
      assert.deepEqual(error.details, { timeoutMs: 50 });
      assert.ok(performance.now() - began < 1_500);
      await handle.ended;
      assert.equal(handle.isUsable, false);
    }));
  await test.step("one invocation at a time", () =>
    withHandle(impostor(`setTimeout(() => postMessage(${done}), 20);`), async (handle, link) => {
      await handle.prove(link);
      await handle.load(loaded);
      const first = handle.invoke(invocation("run"));
      await assert.rejects(handle.invoke(invocation("run")), /one invocation at a time/);
      assert.equal((await first).output.length, 1);
    }));
});
