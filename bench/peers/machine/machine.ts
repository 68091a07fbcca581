/** What a run ran on. */

import { outputOf } from "./child.ts";

/** The checkout that this harness belongs to. */
export const thisCheckout: string = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");

/** A machine, as far as it tells. */
export interface Machine {
  /** The processor. */
  processor: string;
  /** How many of it. */
  processors: number;
  /** Memory in bytes. */
  memoryBytes: number;
  /** Kernel and architecture. */
  kernel: string;
  /** The file system and device of the temporary folder. */
  disk: string;
  /** The write cache of the device: whether a sync makes it write through. */
  writeCache: string;
  /** The versions of Deno, V8 and TypeScript. */
  deno: string;
  /** How many processes wanted a processor in the minute before the run. */
  load: number;
  /** The commit that was measured. */
  commit: string;
}

/** Describes the machine, and the disk that `directory` is on. */
export async function describeMachine(directory: string): Promise<Machine> {
  const lines = ((await outputOf(["df", "--output=source,fstype", directory])) ?? "").trim().split(
    "\n",
  );
  const [source = "unknown", fileSystem = "unknown"] = (lines.at(-1) ?? "").split(/\s+/);
  const device = source.split("/").at(-1) ?? "";
  return {
    processor: field(await read("/proc/cpuinfo"), /^model name\s*: (.*)$/m),
    processors: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    disk: `${fileSystem} on ${source}`,
    writeCache: (await read(`/sys/block/${device}/queue/write_cache`)).trim() || "unknown",
    deno: `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
    load: Deno.loadavg()[0],
    commit: await commitOf(thisCheckout),
  };
}

/** The commit of a checkout, and whether it was changed since. */
export async function commitOf(checkout: string): Promise<string> {
  const commit = await outputOf(["git", "-C", checkout, "rev-parse", "--short", "HEAD"]);
  if (commit === undefined) return "unknown";
  const changes = await outputOf(["git", "-C", checkout, "status", "--porcelain"]);
  return commit.trim() + (changes ? " with changes" : "");
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return "";
  }
}

function field(text: string, pattern: RegExp): string {
  return text.match(pattern)?.[1].trim() ?? "unknown";
}
