/** Whether there is room on the disk for what the rows will write. */

import { outputOf } from "../machine/child.ts";
import type { Peer } from "../peer.ts";
import type { Row } from "../rows.ts";
import { datasetName, datasetOf, payloadOf, type Work } from "../work.ts";

const GiB = 2 ** 30;

/** What the files of a peer hold by each byte of payload once it has settled, and at the most before. */
const sizes: Readonly<Record<string, { settled: number; most: number }>> = {
  varve: { settled: 1.4, most: 2.8 },
  rocksdb: { settled: 1.15, most: 2.3 },
  lmdb: { settled: 1.3, most: 1.3 },
  fio: { settled: 1, most: 1 },
};

/**
 * The bytes that rows need at the most: the datasets that lie ready side by side, and the work that needs most beside
 * them.
 */
export function neededBytes(rows: readonly Row[], peers: readonly Peer[]): number {
  const able = (work: Work) => peers.filter((peer) => peer.supports(work)).map((peer) => sizesOf(peer));
  const read = new Map(
    rows.flatMap(({ work }) => {
      const dataset = datasetOf(work);
      if (dataset === undefined) return [];
      return peers.filter((peer) => peer.supports(work)).map((peer): [string, number] => [
        `${datasetName(dataset)}/${peer.name}`,
        sizesOf(peer).settled * payloadOf(dataset.records, dataset.valueBytes),
      ]);
    }),
  );
  const lying = [...read.values()].reduce((all, bytes) => all + bytes, 0);
  const beside = rows.map(({ work }) => {
    const most = Math.max(0, ...able(work).map((size) => size.most));
    if (work.kind === "fill" || work.kind === "busy") {
      return most * payloadOf(work.dataset.records, work.dataset.valueBytes);
    }
    // Some of it is given up while it goes on.
    return work.kind === "overwrite" ? most / 2 * payloadOf(work.records, work.dataset.valueBytes) : 0;
  });
  return lying + Math.max(0, ...beside);
}

/**
 * Throws if there is less room than rows need.
 *
 * @param directory Where the data go; the system's temporary folder if it is left out.
 * @param rows What is measured.
 * @param peers Who is measured.
 * @throws {TypeError} If there is not enough room.
 */
export async function checkRoom(
  directory: string | undefined,
  rows: readonly Row[],
  peers: readonly Peer[],
): Promise<void> {
  const probe = await Deno.makeTempDir(directory === undefined ? {} : { dir: directory });
  const free = await freeBytes(probe).finally(() => Deno.remove(probe));
  const needed = neededBytes(rows, peers);
  if (free === undefined || free >= needed) return;
  const gibibytes = (bytes: number) => `${(bytes / GiB).toFixed(1)} GiB`;
  throw new TypeError(
    `Cannot begin: expected ${gibibytes(needed)} of room in "${directory ?? "the temporary folder"}", found ${
      gibibytes(free)
    }; choose fewer --records, --only some rows, or another --dir`,
  );
}

/** The room of the disk that a directory is on; `undefined` where there is no `df` that tells. */
async function freeBytes(directory: string): Promise<number | undefined> {
  const text = await outputOf(["df", "--output=avail", "-B1", directory]);
  const bytes = Number(text?.trim().split("\n").at(-1));
  return Number.isFinite(bytes) ? bytes : undefined;
}

function sizesOf({ name }: Peer): { settled: number; most: number } {
  return sizes[name.split(":")[0]];
}
