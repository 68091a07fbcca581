// deno-lint-ignore-file no-console
/**
 * Copies a large file past the page cache, with a progress bar: what other programs have in memory stays there, and the
 * copy is durable when it is done.
 *
 * @module
 */

import { DirectFile } from "@varve/varve/direct";

const MiB = 1024 * 1024;

/** Copies a file to a path where none is. `copied` is told how far it is, in bytes. */
export async function copyFile(
  from: string,
  to: string,
  copied: (bytes: number, of: number) => void = () => {},
): Promise<number> {
  if (await exists(to)) throw new Deno.errors.AlreadyExists(`Cannot copy to "${to}": it exists`);
  await using source = await DirectFile.open(from, { readOnly: true });
  await using target = await DirectFile.open(to, { preallocateBytes: 32 * MiB });
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      copied(bytes += chunk.length, source.length);
    },
  });
  await source.readable().pipeThrough(counter).pipeTo(target.writable());
  return target.durableLength;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A bar such as `[####······] 40 %  400 of 1000 MiB`. */
export function bar(bytes: number, of: number): string {
  const fraction = of === 0 ? 1 : bytes / of, cells = Math.floor(fraction * 30);
  const done = "#".repeat(cells).padEnd(30, "·"), mebibytes = (count: number) => Math.round(count / MiB);
  return `[${done}] ${Math.floor(fraction * 100)} %  ${mebibytes(bytes)} of ${mebibytes(of)} MiB`;
}

if (import.meta.main) {
  const [from, to] = Deno.args;
  if (from === undefined || to === undefined) {
    console.error("Usage: copy_direct.ts <file> <copy>");
    Deno.exit(2);
  }
  const encoder = new TextEncoder(), began = performance.now();
  let shown = -Infinity;
  const copied = await copyFile(from, to, (bytes, of) => {
    const now = performance.now();
    if (now - shown < 100 && bytes < of) return;
    shown = now;
    Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${bar(bytes, of)}`));
  });
  const seconds = (performance.now() - began) / 1000;
  console.error();
  console.log(`Copied ${copied} bytes, ${Math.round(copied / MiB / seconds)} MiB/s, and they are durable`);
}
