import { assertEquals } from "@std/assert";
import { openIo } from "../../src/io/mod.ts";

const block = 4096;
const far = 1024 * 1024;

for (const ioEngine of ["uring", "threads"] as const) {
  Deno.test(`IoEngine.nextData() passes over what was never written, and over nothing else (${ioEngine})`, async () => {
    const directory = await Deno.makeTempDir();
    const io = await openIo(directory, { ioEngine });
    try {
      const { engine } = io;
      if (engine.name === "node") return; // The engine that was asked for is not to be had here.
      const file = await engine.open(`${directory}/file`, { access: "write", direct: false, create: true });
      const bytes = new Uint8Array(block).fill(1);
      const writeAt = async (offset: number) => {
        const transfer = { file, offset, bytes, done: 0, error: undefined };
        await engine.write([transfer]);
        assertEquals(transfer.error, undefined);
      };
      await engine.allocate(file, 4 * far);
      await writeAt(0);
      assertEquals(await engine.nextData(file, 0), 0);
      assertEquals(await engine.nextData(file, block), 4 * far);
      await writeAt(far);
      assertEquals(await engine.nextData(file, block), far);
      assertEquals(await engine.nextData(file, far + 1), far + 1);
      await engine.close(file);
    } finally {
      if (io.ownsEngine) await io.engine.shutdown();
      await Deno.remove(directory, { recursive: true });
    }
  });
}
