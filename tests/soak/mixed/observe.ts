/** What Linux says of a process, and what a directory takes on disk. */

/** What is seen of a process. */
export interface ProcessSeen {
  /** The most memory that it had resident, in bytes. */
  readonly mostResidentBytes: number;
  /** How many descriptors it has. */
  readonly descriptors: number;
  /** How many of them are of files that were removed. */
  readonly removedFiles: number;
  /** The bytes of those. */
  readonly removedBytes: number;
  /** The time of processors that it took, in seconds. */
  readonly processorSeconds: number;
}

const kib = 1024, ticksPerSecond = 100;

/** Looks at a process; `undefined` if it is gone. */
export function observeProcess(pid: number): ProcessSeen | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const most = /^VmHWM:\s+(\d+) kB$/m.exec(status);
    if (most === null) return undefined;
    const [utime, stime] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ").slice(11, 13);
    return {
      mostResidentBytes: Number(most[1]) * kib,
      ...descriptorsOf(pid),
      processorSeconds: (Number(utime) + Number(stime)) / ticksPerSecond,
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function descriptorsOf(pid: number): Omit<ProcessSeen, "mostResidentBytes" | "processorSeconds"> {
  let descriptors = 0, removedFiles = 0, removedBytes = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    descriptors++;
    const path = `/proc/${pid}/fd/${name}`;
    try {
      if (!/\.(?:seg|delta|image) \(deleted\)$/.test(Deno.readLinkSync(path))) continue;
      removedBytes += allocated(Deno.statSync(path));
      removedFiles++;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return { descriptors, removedFiles, removedBytes };
}

/** What the files of a directory take, in bytes. */
export function diskBytes(directory: string): number {
  let bytes = 0;
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      const path = `${directory}/${name}`;
      bytes += isDirectory ? diskBytes(path) : sizeOf(path);
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return bytes;
}

function sizeOf(path: string): number {
  try {
    return allocated(Deno.lstatSync(path));
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

/** What a file takes: its blocks, which are allocated before they are written and cut off in the end. */
function allocated({ blocks, size }: Deno.FileInfo): number {
  return blocks === null ? size : blocks * 512;
}

/** Files come and go, and so do processes. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ESRCH";
}
