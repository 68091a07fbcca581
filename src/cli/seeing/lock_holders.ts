/**
 * Which processes write and read a store, by the locks that the system lists (Linux, `/proc/locks`): the writer holds the
 * store's directory alone, a reader shares that of each timeline. Nothing is locked to find out, which would keep others
 * from their work.
 */

/** Processes that hold locks on a store. */
export interface LockHolders {
  /** The process that writes; `undefined` if there is none. 0 is one in another container. */
  readonly writer: number | undefined;
  /** How many other processes have the store open to read it. */
  readonly readers: number;
}

/** A lock of the kind that stores take. */
interface Lock {
  readonly isShared: boolean;
  readonly pid: number;
  readonly inode: number;
}

/**
 * Finds who holds a store.
 *
 * @param path Its directory.
 * @returns Who does; `undefined` where the system does not tell, or this process may not ask it.
 */
export async function findLockHolders(path: string): Promise<LockHolders | undefined> {
  const listing = await Deno.readTextFile("/proc/locks").catch(() => undefined);
  if (listing === undefined) return undefined;
  const store = (await Deno.stat(path)).ino, timelines = new Set<number | null>();
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    // One that is removed meanwhile has nobody.
    const found = isDirectory ? await Deno.stat(`${path}/${name}`).catch(() => undefined) : undefined;
    if (found !== undefined) timelines.add(found.ino);
  }
  const locks = parseLocks(listing);
  const shared = locks.filter(({ isShared, inode, pid }) =>
    isShared && timelines.has(inode) && pid !== Deno.pid
  );
  return {
    writer: locks.find(({ isShared, inode }) => !isShared && inode === store)?.pid,
    readers: new Set(shared.map(({ pid }) => pid)).size,
  };
}

/** The locks in a listing. Devices are left out: some file systems list others than files say that they are on. */
export function parseLocks(listing: string): Lock[] {
  const pattern = /^\d+: FLOCK +ADVISORY +(READ|WRITE) +(-?\d+) +[\da-f]+:[\da-f]+:(\d+) /gm;
  return [...listing.matchAll(pattern)].map(([, access, pid, inode]) => ({
    isShared: access === "READ",
    pid: Math.max(0, Number(pid)),
    inode: Number(inode),
  }));
}
