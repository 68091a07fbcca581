import { assertRejects } from "@std/assert";
import { makeDirectory } from "../../../src/io/posix/namespace.ts";

Deno.test({
  name: "makeDirectory() gives up in a parent that takes no directories",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const path of ["/proc/varve_test", "/proc/varve_test/deeper"]) {
      await assertRejects(() => makeDirectory(path), Deno.errors.NotFound);
    }
  },
});
