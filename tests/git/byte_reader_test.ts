import { assertEquals, assertRejects } from "@std/assert";
import { LimitError } from "../../src/base/mod.ts";
import { ByteReader } from "../../src/git/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function reader(...chunks: string[]): ByteReader {
  return new ByteReader(ReadableStream.from(chunks.map((chunk) => encoder.encode(chunk))));
}

async function lines(reader: ByteReader): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await reader.readUntil(10, 100);
    if (line === undefined) return lines;
    lines.push(decoder.decode(line));
  }
}

Deno.test("ByteReader.readUntil() finds pieces wherever chunks end", async () => {
  for (
    const chunks of [["ab\ncd\n\nef"], ["a", "b", "\n", "cd\n", "\n", "", "e", "f"], [
      "ab",
      "\ncd",
      "\n\ne",
      "f",
    ]]
  ) {
    assertEquals(await lines(reader(...chunks)), ["ab", "cd", "", "ef"]);
  }
});

Deno.test("ByteReader.readUntil() makes nothing of an end after a delimiter", async () => {
  assertEquals(await lines(reader("a\n")), ["a"]);
  assertEquals(await lines(reader("")), []);
  assertEquals(await lines(reader("\n", "\n")), ["", ""]);
});

Deno.test("ByteReader.readUntil() refuses a piece over the limit before it is whole", async () => {
  const endless = new ByteReader(
    new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100)) }),
  );
  await using _ = endless;
  await assertRejects(() => endless.readUntil(10, 1000), LimitError, "over 1000 bytes");
});

Deno.test("ByteReader.readExactly() joins chunks", async () => {
  const bytes = reader("ab", "cd", "ef");
  assertEquals(decoder.decode(await bytes.readExactly(1)), "a");
  assertEquals(decoder.decode(await bytes.readExactly(4)), "bcde");
  assertEquals(decoder.decode(await bytes.readExactly(0)), "");
  assertEquals(await bytes.readExactly(2), undefined);
});

Deno.test("ByteReader.skip() passes over bytes and says whether there were enough", async () => {
  const bytes = reader("ab", "cd", "ef");
  assertEquals(await bytes.skip(3), true);
  assertEquals(decoder.decode(await bytes.readExactly(1)), "d");
  assertEquals(await bytes.skip(3), false);
});

Deno.test("ByteReader.cancel() drops the piece that is not whole", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    undefined,
    { highWaterMark: 9 },
    {
      highWaterMark: 9,
    },
  );
  const writer = writable.getWriter();
  await writer.write(encoder.encode("whole\npart"));
  const bytes = new ByteReader(readable);
  assertEquals(decoder.decode(await bytes.readUntil(10, 100)), "whole");
  const rest = bytes.readUntil(10, 100);
  await bytes.cancel();
  assertEquals(await rest, undefined);
});
