import { assertEquals, assertRejects } from "@std/assert";
import { ClosedOutputError, Output } from "../../src/cli/mod.ts";
import { concat } from "@std/bytes";

Deno.test("Output gathers small writes and keeps their order around large ones", async () => {
  const written: Uint8Array[] = [];
  const output = new Output({
    write: (bytes) => {
      // A pipe may take less than it is given.
      const taken = bytes.slice(0, 50_000);
      written.push(taken);
      return Promise.resolve(taken.length);
    },
  });
  const large = new Uint8Array(200_000).fill(7);
  for (let i = 0; i < 1000; i++) await output.write(Uint8Array.of(1, 2));
  assertEquals(written.length, 0);
  await output.write(large);
  await output.write("end");
  await output.flush();
  assertEquals(concat(written).length, 2000 + large.length + 3);
  assertEquals(concat(written).subarray(-3), new TextEncoder().encode("end"));
});

Deno.test("Output rejects with ClosedOutputError when nobody reads", async () => {
  const output = new Output({ write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) });
  await output.write("text");
  await assertRejects(() => output.flush(), ClosedOutputError, "nobody reads it");
});
