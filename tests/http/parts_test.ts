/**
 * Parts of the HTTP room that meet wild input: the route tree, the form reader, header readers.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isKernelError } from "../../src/base/error.ts";
import { localeOf, tokenOf } from "../../src/http/middleware/authenticate.ts";
import { parseMultipart } from "../../src/http/middleware/multipart.ts";
import { RouteTree } from "../../src/http/route_tree.ts";

const TEXT = new TextEncoder();

function treeOf(...paths: readonly string[]): RouteTree<string> {
  const tree = new RouteTree<string>();
  for (const path of paths) tree.add("GET", path, path);
  return tree;
}

Deno.test("RouteTree prefers a static segment to a variable one, and never goes back", () => {
  const tree = treeOf("/d/:model", "/d/:model/me", "/d/:model/:id", "/d/:model/me/:id");
  const found = (path: string) => tree.match("GET", path)[0][0];
  assert.deepEqual(found("/d/t/me"), ["/d/:model/me", { model: "t" }]);
  assert.deepEqual(found("/D/me/Me/me/"), ["/d/:model/me/:id", { model: "me", id: "me" }]);
  assert.deepEqual(found("/d/t/mean"), ["/d/:model/:id", { model: "t", id: "mean" }]);
  assert.equal(found("/d"), undefined);
  assert.equal(found("/d/t/x/y"), undefined);
  assert.equal(found("/"), undefined);
  assert.equal(found(""), undefined);
});

Deno.test("RouteTree finds any path exactly when its segments fit", () => {
  const segment = fc.constantFrom("a", "A", "me", "b", "", "%41", "x.y");
  const tree = treeOf("/a/:m", "/a/:m/me", "/a/:m/:id");
  fc.assert(fc.property(fc.array(segment, { maxLength: 4 }), fc.boolean(), (segments, slash) => {
    const path = `/${segments.join("/")}${slash ? "/" : ""}`;
    // The reference: a regular expression per route, tried in the same order.
    const expected = /^\/a\/[^/]+\/me\/?$/i.test(path)
      ? "/a/:m/me"
      : /^\/a\/[^/]+\/[^/]+\/?$/i.test(path)
      ? "/a/:m/:id"
      : /^\/a\/[^/]+\/?$/i.test(path)
      ? "/a/:m"
      : undefined;
    assert.equal(tree.match("GET", path)[0][0]?.[0], expected, path);
  }));
});

Deno.test("RouteTree gives the rest of a path as it stands, and only where nothing else fits", () => {
  const tree = treeOf("/a/:m/files/*path", "/a/:m/files", "/a/me/other");
  const found = (path: string) => tree.match("GET", path)[0][0];
  const rest = "/a/:m/files/*path";
  assert.deepEqual(found("/a/x/FILES/b"), [rest, { m: "x", path: "b" }]);
  assert.deepEqual(found("/a/x/files/b//C/%2e%2e/"), [rest, { m: "x", path: "b//C/%2e%2e/" }]);
  assert.deepEqual(found("/a/x/files//"), [rest, { m: "x", path: "/" }]);
  assert.deepEqual(found("/a/x/files/"), ["/a/:m/files", { m: "x" }]);
  assert.equal(found("/a//files/b"), undefined);
  assert.equal(found("/a/x/file/b"), undefined);
  const segment = fc.constantFrom("a", "", "..", "%2f", "files", "me");
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
    const path = segments.join("/");
    if (path === "") return;
    assert.deepEqual(found(`/a/x/files/${path}`), [rest, { m: "x", path }]);
  }));
});

Deno.test("parseMultipart() gives back every part of what the platform writes, byte for byte", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.array(fc.constantFrom(0x0d, 0x0a, 0x2d), { maxLength: 40 }).map((a) => Uint8Array.from(a)),
  );
  await fc.assert(fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), async (files) => {
    const form = new FormData();
    files.forEach((file, index) => form.append(`f${index}`, new File([file.slice()], "a.tgz")));
    const encoded = new Response(form);
    const parts = parseMultipart(await encoded.bytes(), encoded.headers.get("content-type")!);
    assert.deepEqual(
      parts.map((part) => [part.name, part.filename, [...part.bytes]]),
      files.map((file, index) => [`f${index}`, "a.tgz", [...file]]),
    );
  }));
});

Deno.test("parseMultipart() reads quoted boundaries, preambles and epilogues", () => {
  const head =
    'Content-Type: application/gzip\r\ncontent-disposition: form-data; name=bundle; filename="b"';
  const body = TEXT.encode(`preamble\r\n--x y\r\n${head}\r\n\r\n--x\r\n--x y--\r\nepilogue`);
  const parts = parseMultipart(body, 'multipart/form-data; charset=utf-8; boundary="x y"');
  assert.deepEqual(parts.map(({ name, filename }) => [name, filename]), [["bundle", "b"]]);
  assert.equal(new TextDecoder().decode(parts[0]!.bytes), "--x");
});

Deno.test("parseMultipart() refuses broken frames", () => {
  const part = '\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n';
  const broken: readonly (readonly [string, string])[] = [
    ["multipart/form-data", `--b${part}--b--`],
    ["multipart/form-data; boundary=", `--b${part}--b--`],
    ["multipart/form-data; boundary=b", ""],
    ["multipart/form-data; boundary=b", `--b${part}`],
    ["multipart/form-data; boundary=b", `--b${part}--b`],
    ["multipart/form-data; boundary=b", `--bx${part}--b--`],
    ["multipart/form-data; boundary=b", "--b\r\n\r\n\r\nx\r\n--b--"],
    ["multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="a"\r\n--b--'],
    ["multipart/form-data; boundary=b", `--b${part}`.repeat(33) + "--b--"],
  ];
  for (const [type, body] of broken) {
    assert.throws(
      () => parseMultipart(TEXT.encode(body), type),
      (error) => isKernelError(error, "http.invalid_body"),
      body,
    );
  }
});

Deno.test("parseMultipart() never does anything but parse or refuse", () => {
  const piece = fc.constantFrom(
    "--b",
    "\r\n",
    "--",
    "\r\n\r\n",
    'content-disposition: form-data; name="a"',
    "x",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    try {
      parseMultipart(TEXT.encode(pieces.join("")), "multipart/form-data; boundary=b");
    } catch (error) {
      assert.ok(isKernelError(error, "http.invalid_body"));
    }
  }));
});

Deno.test("tokenOf() gives one token without spaces, or refuses", () => {
  for (const header of ["Bearer a b", "Bearer a, Bearer b", "Bearer\ta", "Digest a"]) {
    assert.throws(
      () => tokenOf(header),
      (error) => isKernelError(error) && error.kind === "unauthenticated",
      header,
    );
  }
  fc.assert(fc.property(fc.string(), (header) => {
    try {
      const token = tokenOf(header);
      assert.ok(token.length > 0 && !token.includes(" ") && header.includes(token));
    } catch (error) {
      assert.ok(isKernelError(error) && error.kind === "unauthenticated");
    }
  }));
});

Deno.test("localeOf() gives the first language that is one", () => {
  assert.equal(localeOf(null), undefined);
  assert.equal(localeOf(""), undefined);
  assert.equal(localeOf("es"), "es");
  assert.equal(localeOf("es-MX,es;q=0.9"), "es-MX");
  assert.equal(localeOf(" *;q=0.5, fr-CA "), "fr-CA");
  assert.equal(localeOf("*"), undefined);
  assert.equal(localeOf("../../etc"), undefined);
  assert.equal(localeOf("es\u0000"), undefined);
  assert.equal(localeOf("abcdefghi"), undefined);
});
