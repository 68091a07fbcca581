import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { constants } from "node:os";
import { IoError } from "../../../src/base/mod.ts";
import { classify, errnoName } from "../../../src/io/posix/errno.ts";

const attempt = { operation: "write", path: "/a", offset: 4096 };

Deno.test("errnoName() names what Linux names", () => {
  assertEquals(errnoName(28), "ENOSPC");
  assertEquals(errnoName(-5), "EIO");
  assertEquals([errnoName(0), errnoName(41), errnoName(58), errnoName(134)], Array(4).fill("EUNKNOWN"));
  assertEquals([errnoName(122), errnoName(133)], ["EDQUOT", "EHWPOISON"]);
});

Deno.test({
  name: "errnoName() agrees with the runtime's table",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const twins: Record<string, string> = { EWOULDBLOCK: "EAGAIN", ENOTSUP: "EOPNOTSUPP" };
    for (const [name, number] of Object.entries(constants.errno)) {
      assertEquals(errnoName(number), twins[name] ?? name);
    }
  },
});

Deno.test("classify() takes the code of node:fs when there is one", () => {
  const cause = Object.assign(new Error("x"), { code: "ENOSPC" });
  const error = classify(cause, attempt);
  assertInstanceOf(error, IoError);
  assertEquals([error.code, error.operation, error.path, error.offset], ["ENOSPC", "write", "/a", 4096]);
  assertStrictEquals(error.cause, cause);
  assertEquals(error.message, 'Cannot write "/a" at offset 4096: ENOSPC');
});

Deno.test({
  name: "classify() reads the number out of the message when there is no code",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assertEquals(codeOf(new TypeError("Invalid argument (os error 22)")), "EINVAL");
    assertEquals(codeOf(Object.assign(new Error("No room (os error 28)"), { code: "ERR_X" })), "ENOSPC");
  },
});

Deno.test("classify() goes by the class when there is neither code nor number", () => {
  assertEquals(codeOf(new Deno.errors.NotFound("x")), "ENOENT");
  assertEquals(codeOf(new Deno.errors.AlreadyExists("x")), "EEXIST");
  assertEquals(codeOf(new Deno.errors.PermissionDenied("x")), "EACCES");
});

Deno.test("classify() says EUNKNOWN when nothing is known", () => {
  assertEquals(codeOf(new Error("x")), "EUNKNOWN");
  assertEquals(codeOf("x"), "EUNKNOWN");
});

Deno.test("classify() passes on permission errors, closed files and errors that are classified", () => {
  const errors = [
    new Deno.errors.NotCapable("x"),
    new Deno.errors.BadResource("x"),
    new IoError({ code: "EIO", operation: "read", path: "/b" }),
  ];
  for (const error of errors) assertStrictEquals(classify(error, attempt), error);
});

function codeOf(error: unknown): string {
  const classified = classify(error, attempt);
  assertInstanceOf(classified, IoError);
  return classified.code;
}
