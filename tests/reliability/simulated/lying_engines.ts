/** Engines that do not do what they say, so that the oracle can be seen to notice. */

import type { IoFile, Transfer, WriteOptions } from "../../../src/io/mod.ts";
import { RecyclingEngine } from "../recycling_engine.ts";

/** Says that a file's bytes are durable, and does nothing. */
export class ForgetsData extends RecyclingEngine {
  override datasync(_file: IoFile): Promise<void> {
    return Promise.resolve();
  }
}

/** Says that a new file is durable, and does nothing. */
export class ForgetsFiles extends RecyclingEngine {
  override sync(_file: IoFile): Promise<void> {
    return Promise.resolve();
  }
}

/** Says that the names in a directory are durable, and does nothing. */
export class ForgetsNames extends RecyclingEngine {
  override syncDirectory(_path: string): Promise<void> {
    return Promise.resolve();
  }
}

/** Says that a durable write is durable, and only writes. */
export class ForgetsDurableWrites extends RecyclingEngine {
  override write(batch: readonly Transfer[], _options?: WriteOptions): Promise<void> {
    return super.write(batch);
  }
}
