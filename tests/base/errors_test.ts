import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import * as errors from "../../src/base/errors.ts";

Deno.test("IoError says what was done where, and why not", () => {
  const cause = new Error("os");
  const error = new errors.IoError({ code: "ENOSPC", operation: "write", path: "/a b", offset: 4096, cause });
  assertEquals(error.message, 'Cannot write "/a b" at offset 4096: ENOSPC');
  assertEquals([error.code, error.operation, error.path, error.offset], ["ENOSPC", "write", "/a b", 4096]);
  assertEquals(error.cause, cause);
  assertEquals(
    new errors.IoError({ code: "EIO", operation: "list", path: "/" }).message,
    'Cannot list "/": EIO',
  );
});

Deno.test("IoError says what stands where a file or a directory should", () => {
  const messageOf = (code: string) => new errors.IoError({ code, operation: "open", path: "/x" }).message;
  assertEquals(["EISDIR", "ELOOP", "ENOTDIR", "ENXIO"].map(messageOf), [
    'Cannot open "/x": EISDIR (a directory)',
    'Cannot open "/x": ELOOP (a link that is not followed, or links in a circle)',
    'Cannot open "/x": ENOTDIR (no directory)',
    'Cannot open "/x": ENXIO (neither a file nor a directory)',
  ]);
});

Deno.test("CorruptionError says what was expected and what was found", () => {
  const context = { path: "/x.seg", offset: 0, expected: "a record", found: "zeros" };
  const error = new errors.CorruptionError(context);
  assertEquals(error.message, 'Cannot trust "/x.seg" at offset 0: expected a record, found zeros');
  assertEquals([error.path, error.offset, error.expected, error.found], ["/x.seg", 0, "a record", "zeros"]);
});

Deno.test("ConflictError names the key, as text if it is one, what was expected and what was found", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const messages: [
    key: Uint8Array<ArrayBuffer>,
    expected: number | undefined,
    found: number | undefined,
    string,
  ][] = [
    [bytes("user/é"), 5, 7, 'key "user/é" to have LSN 5, found LSN 7'],
    [bytes("a"), undefined, 7, 'key "a" to have no value, found LSN 7'],
    [bytes("a"), 5, undefined, 'key "a" to have LSN 5, found no value'],
    [new Uint8Array([0x02, 0x61, 0x00]), 1, 2, "key 0x026100 to have LSN 1, found LSN 2"],
    [new Uint8Array([0xff]), 1, 2, "key 0xff to have LSN 1, found LSN 2"],
    [bytes(`x${"é".repeat(100)}`), 1, 2, `key "x${"é".repeat(31)}…" to have LSN 1, found LSN 2`],
    [new Uint8Array(512), 1, 2, `key 0x${"00".repeat(64)}… to have LSN 1, found LSN 2`],
  ];
  for (const [key, expected, found, words] of messages) {
    const error = new errors.ConflictError({ key, expected, found });
    assertEquals(error.message, `Cannot append: expected ${words}`);
    assertEquals([error.key, error.expected, error.found], [key, expected, found]);
  }
});

Deno.test("every error of the world's making is a VarveError with the name of its class; our bug is not", () => {
  const io = { code: "EIO", operation: "read", path: "/" };
  const corruption = { path: "/", offset: 0, expected: "", found: "" };
  const all: Record<string, Error> = {
    VarveError: new errors.VarveError("x"),
    IoError: new errors.IoError(io),
    CorruptionError: new errors.CorruptionError(corruption),
    LockedError: new errors.LockedError("x"),
    PoisonedError: new errors.PoisonedError("x"),
    MemoryError: new errors.MemoryError("x"),
    ReadOnlyError: new errors.ReadOnlyError("x"),
    LsnError: new errors.LsnError("x", { lsn: 9, lastLsn: 8 }),
    ConflictError: new errors.ConflictError({ key: new Uint8Array(1), expected: 1, found: 2 }),
    DirectIoError: new errors.DirectIoError("x"),
    LimitError: new errors.LimitError("x", { limit: 1, found: 2 }),
  };
  for (const [name, error] of Object.entries(all)) {
    assertInstanceOf(error, errors.VarveError);
    assertEquals(error.name, name);
  }
  const bug = assertThrows(() => errors.assert(false, "S1: it holds"), errors.AssertionError, "S1: it holds");
  assertEquals([bug.name, bug instanceof errors.VarveError], ["AssertionError", false]);
  errors.assert(true, "it holds");
});

Deno.test("hasCode() knows errors of the operating system by their names, and nothing else", () => {
  const error = new errors.IoError({ code: "ENOENT", operation: "open", path: "/" });
  assert(errors.hasCode(error, "EIO", "ENOENT"), "it is one of them");
  assertEquals([errors.hasCode(error), errors.hasCode(error, "EIO")], [false, false]);
  for (const other of [Object.assign(new Error("x"), { code: "ENOENT" }), undefined, "ENOENT"]) {
    assertEquals(errors.hasCode(other, "ENOENT"), false);
  }
});

Deno.test("isShortage() knows that there is no room on the disk or in the quota, and no descriptor", () => {
  const of = (code: string) => new errors.IoError({ code, operation: "write", path: "/" });
  for (const code of ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]) assert(errors.isShortage(of(code)), code);
  for (const other of [of("EIO"), new Error("ENOSPC"), undefined, { code: "ENOSPC" }]) {
    assertEquals(errors.isShortage(other), false);
  }
});

Deno.test("asMemoryError() tells a lack of memory from what else was thrown", () => {
  const lacking = assertThrows(() => new Uint8Array(2 ** 43), RangeError);
  const error = errors.asMemoryError(lacking, "merge layers");
  assertInstanceOf(error, errors.MemoryError);
  assertEquals([error.cause, errors.isShortage(error)], [lacking, false]);
  assertEquals(
    error.message,
    "Cannot merge layers: there is no memory for it: Array buffer allocation failed",
  );
  const wrong = assertThrows(() => new Uint8Array(-1), RangeError);
  for (const other of [wrong, error, new Error(lacking.message), undefined]) {
    assertEquals(errors.asMemoryError(other, "merge layers"), other);
  }
});
