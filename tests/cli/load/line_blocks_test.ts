import { assertEquals, assertRejects } from "@std/assert";
import { crc32, LimitError } from "../../../src/base/mod.ts";
import { maxLineBytes } from "../../../src/cli/load/change_line.ts";
import { LineBlocks } from "../../../src/cli/load/line_blocks.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function blocksOf(...chunks: string[]): LineBlocks {
  return new LineBlocks(ReadableStream.from(chunks.map((chunk) => encoder.encode(chunk))));
}

async function all(blocks: LineBlocks): Promise<string[]> {
  const found: string[] = [];
  for (let block; (block = await blocks.next()) !== undefined;) found.push(decoder.decode(block));
  return found;
}

Deno.test("LineBlocks.next() cuts behind the last line of each chunk", async () => {
  assertEquals(await all(blocksOf("a\nb\n", "c", "d\ne", "f", "\n", "g")), ["a\nb\n", "cd\n", "ef\n", "g"]);
  assertEquals(await all(blocksOf()), []);
});

Deno.test("LineBlocks.skip() passes over bytes and sums them", async () => {
  await using blocks = blocksOf("a\nb\n", "c\nd\n");
  assertEquals(await blocks.skip(6), crc32(encoder.encode("a\nb\nc\n")));
  assertEquals(await all(blocks), ["d\n"]);
  await using short = blocksOf("a\n");
  assertEquals(await short.skip(3), undefined);
});

Deno.test("LineBlocks.next() refuses a line without an end", async () => {
  const chunk = new Uint8Array(16 * 1024 * 1024).fill(97);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
  await using blocks = new LineBlocks(endless);
  await assertRejects(() => blocks.next(), LimitError, `over ${maxLineBytes} bytes`);
});

Deno.test("LineBlocks drops a line that is not whole when it is given up", async () => {
  const blocks = new LineBlocks(
    new ReadableStream({ start: (controller) => controller.enqueue(encoder.encode("a\nb")) }),
  );
  assertEquals(decoder.decode(await blocks.next()), "a\n");
  const rest = blocks.next();
  await blocks.cancel();
  assertEquals(await rest, undefined);
});
