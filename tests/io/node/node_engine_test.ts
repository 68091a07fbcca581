import { assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import { untilUninterrupted, writeBlocks } from "../../../src/io/node/node_engine.ts";

const attempt = { operation: "write", path: "/a", offset: 0 };
const failure = (code: string) => new IoError({ code, ...attempt });

Deno.test("writeBlocks() writes the first block when the runtime stumbled within one", async () => {
  const lengths: number[] = [];
  const count = await writeBlocks(new Uint8Array(8192), (part) => {
    lengths.push(part.length);
    return part.length > 4096 ? Promise.reject(failure("EINVAL")) : Promise.resolve(part.length);
  });
  assertEquals([count, lengths], [4096, [8192, 4096]]);
});

Deno.test("writeBlocks() fails with the true error when a single block has it", async () => {
  const write = (part: Uint8Array) => Promise.reject(failure(part.length > 4096 ? "EINVAL" : "ENOSPC"));
  assertEquals((await assertRejects(() => writeBlocks(new Uint8Array(8192), write), IoError)).code, "ENOSPC");
  let calls = 0;
  const full = () => Promise.reject(failure(calls++ === 0 ? "ENOSPC" : "EIO"));
  assertEquals((await assertRejects(() => writeBlocks(new Uint8Array(8192), full), IoError)).code, "ENOSPC");
});

Deno.test("untilUninterrupted() calls again when a signal interrupts", async () => {
  const outcomes = ["EINTR", "EINTR"];
  const call = () => {
    const code = outcomes.pop();
    return code === undefined ? Promise.resolve(7) : Promise.reject(Object.assign(new Error("x"), { code }));
  };
  assertEquals(await untilUninterrupted(attempt, call), 7);
  outcomes.push("EIO", "EINTR");
  assertEquals((await assertRejects(() => untilUninterrupted(attempt, call), IoError)).code, "EIO");
});
