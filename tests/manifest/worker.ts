/** What works with a manifest in tests of crashes and failures, and knows what must be found. */

import { assert, assertEquals } from "@std/assert";
import { isShortage } from "../../src/base/mod.ts";
import { type Edit, Manifest, type ManifestHome } from "../../src/manifest/mod.ts";
import { first, largeTimeline } from "./manifest_fixture.ts";
import type { MemoryRoot } from "./memory_root.ts";

/** Where a manifest is. */
interface Root {
  readonly home: ManifestHome;
  /** Opens the manifest, which must be there. */
  open(): Promise<Manifest>;
}

/**
 * Works with a manifest, and after a full disk tries again. Every commit raises the generation by one, so that a
 * generation names a state.
 */
export class Worker<WorkRoot extends Root = MemoryRoot> {
  readonly root: WorkRoot;
  /** The generation that was acknowledged last. */
  acknowledged = 0;
  /** The one that was asked for last. */
  asked = 0;
  #manifest: Manifest | undefined;

  /** Starts without a manifest. */
  constructor(root: WorkRoot) {
    this.root = root;
  }

  /** What it works with. */
  get manifest(): Manifest {
    assert(this.#manifest !== undefined, "it has a manifest");
    return this.#manifest;
  }

  /** Makes the manifest. One of which the disk was full meanwhile may be there all the same. */
  create(): Promise<void> {
    return this.#patiently(async () => {
      this.asked = first.generation;
      const found = await Manifest.open(this.root.home);
      this.#manifest = found ?? await Manifest.create(this.root.home, first);
      this.acknowledged = this.asked;
    });
  }

  /** Opens the manifest and looks whether it says what it must. */
  open(): Promise<void> {
    return this.#patiently(async () => {
      this.#manifest = await this.root.open();
      const { generation } = this.#manifest.state;
      assert(
        generation >= this.acknowledged && generation <= this.asked,
        `${generation} is what was asked for`,
      );
      this.acknowledged = generation;
      this.asked = generation;
    });
  }

  /** Commits edits. */
  commit(...edits: Edit[]): Promise<void> {
    return this.#patiently(async () => {
      const generation = ++this.asked;
      const { generation: found } = await this.manifest.commit([...edits, {
        type: "generation",
        generation,
      }]);
      assert(found >= generation, "what is returned has the edits");
      this.acknowledged = generation;
    });
  }

  /** Closes it, as well as that can be done. */
  async close(): Promise<void> {
    await this.manifest.close().catch((error) => assert(isShortage(error)));
  }

  async #patiently(work: () => Promise<void>): Promise<void> {
    for (let isLast = false;; isLast = true) {
      try {
        return await work();
      } catch (error) {
        if (!isShortage(error) || isLast) throw error;
        const generation = this.#manifest?.state.generation;
        if (generation !== undefined) assertEquals(generation, this.acknowledged, "nothing is applied");
      }
    }
  }
}

/** One of them outweighs the snapshot. */
const large: Edit = { type: "addTimeline", timeline: largeTimeline(5, 1_100_000) };
const dropLarge: Edit = { type: "dropTimeline", id: 5 };

/** Everything that a manifest does: small and large frames, more room, new files, openings after a close and without. */
export async function work(worker: Worker<Root>): Promise<void> {
  await worker.create();
  await worker.commit();
  for (let i = 0; i < 16; i++) await worker.commit();
  await worker.commit(large);
  await worker.commit(dropLarge);
  await worker.commit();
  await worker.close();
  await worker.open();
  await worker.commit();
  await worker.close();
  await worker.open();
  await worker.commit();
  // Nobody closes it, as after a kill.
  await worker.open();
  await worker.commit();
  await worker.commit();
}
