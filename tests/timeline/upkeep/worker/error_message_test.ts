/** Errors that were sent to another thread are what they were. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  AssertionError,
  CorruptionError,
  IoError,
  LimitError,
  MemoryError,
  PoisonedError,
  VarveError,
} from "../../../../src/base/mod.ts";
import { decodeError, encodeError } from "../../../../src/timeline/upkeep/worker/error_message.ts";

const io = new IoError({
  code: "ENOSPC",
  operation: "write",
  path: "/s/a.seg",
  offset: 4096,
  cause: new Error("os 28"),
});

const errors: readonly Error[] = [
  io,
  new IoError({ code: "EIO", operation: "sync", path: "/s" }),
  new CorruptionError({ path: "/s/a", offset: 7, expected: "a page", found: "another", cause: io }),
  new LimitError("Cannot do it", { limit: 3, found: 4, key: new Uint8Array([1]) }),
  new PoisonedError("Cannot write", { cause: new PoisonedError("a sync failed", { cause: io }) }),
  new MemoryError("Cannot merge", { cause: new RangeError("no memory") }),
  new VarveError("Cannot open"),
  new AssertionError("G1: it holds"),
  new Deno.errors.BadResource("closed"),
  new Deno.errors.NotCapable("not granted"),
  new RangeError("no memory"),
  new TypeError("of a wrong type"),
  new Error("anything"),
];

for (const error of errors) {
  Deno.test(`decodeError() makes of ${error.name} "${error.message}" what it was`, () => {
    const decoded = decodeError(structuredClone(encodeError(error)));
    for (let was: unknown = error, is: unknown = decoded; was instanceof Error;) {
      assertInstanceOf(is, was.constructor as new () => Error);
      const { stack: _, cause: wasCause, ...wasFields } = was as Error & Record<string, unknown>;
      const { stack: __, cause: isCause, ...isFields } = is as Error & Record<string, unknown>;
      assertEquals([is.name, is.message, isFields], [was.name, was.message, wasFields]);
      [was, is] = [wasCause, isCause];
      if (was === undefined) assertEquals(is, undefined);
    }
  });
}

Deno.test("encodeError() makes an error of what is none", () => {
  assertEquals(decodeError(encodeError("a word")).message, "a word");
});

Deno.test("encodeError() takes an error of a name that is not known for any error", () => {
  const strange = Object.assign(new Error("strange"), { name: "toString" });
  assertEquals(decodeError(encodeError(strange)).message, "strange");
});
