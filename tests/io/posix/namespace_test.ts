import { assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import { makeDirectories, runtimeNames } from "../../../src/io/posix/namespace.ts";

Deno.test({
  name: "makeDirectories() gives up in a parent that takes no directories",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const path of ["/proc/varve_test", "/proc/varve_test/deeper"]) {
      const error = await assertRejects(() => makeDirectories(runtimeNames, path), IoError);
      assertEquals(error.code, "ENOENT");
    }
  },
});
