/**
 * Opens IO in a directory as a process of its own would, whatever it was granted, and prints what came of it.
 *
 * Arguments: the directory, the options of `openIo` as JSON, and the path of a file to open outside of it, if any.
 */

import { openIo } from "../../src/io/open_io.ts";

const [directory, options, outside] = Deno.args;

async function outcome(): Promise<unknown> {
  const io = await openIo(directory, JSON.parse(options));
  try {
    if (outside !== undefined) await io.engine.open(outside, { access: "write", direct: false });
    const path = `${directory}/file`;
    const file = await io.engine.open(path, { access: "write", direct: io.writeDirect, create: true });
    const bytes = io.engine.allocateMemory(8192).fill(1);
    const transfer = { file, offset: 0, bytes, done: 0, error: undefined };
    await io.engine.write([transfer]);
    await io.engine.datasync(file);
    await io.engine.close(file);
    await io.engine.rename(path, `${path}-2`);
    await io.engine.syncDirectory(directory);
    await io.engine.remove(`${path}-2`);
    // The parent of the directory is not granted.
    for (const made of [directory, `${directory}/a/b`]) await io.engine.makeDirectory(made);
    const lock = await io.engine.lock(directory);
    const held = await lock.holds();
    await lock.release();
    const resolved = await io.engine.resolve(`${directory}/a/../a`);
    return { report: io.report, done: transfer.done, error: String(transfer.error), held, resolved };
  } finally {
    await io.engine.shutdown();
  }
}

const text = await outcome().catch((error: Error) => ({ name: error.name, message: error.message }));
await new Blob([JSON.stringify(text)]).stream().pipeTo(Deno.stdout.writable);
