/**
 * The header of a record of a log: a record without a key, the only one of its batch, whose value stands in memory of
 * whoever appends it.
 *
 * ```
 *   header, 20 bytes │ payload …        record_format.ts; kind MARK, last of its batch, no key
 * ```
 *
 * @module
 */

import { crc32 } from "../../base/mod.ts";
import {
  lastOfBatch,
  lsnHigh,
  lsnLow,
  recordHeaderBytes,
  RecordKind,
  writeRecordHeader,
} from "./record_format.ts";

/** The header of one record after the other, in the same memory. */
export class PayloadHeader {
  /** The header that was made last. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(recordHeaderBytes);
  readonly #view = new DataView(this.bytes.buffer);
  /** What of it the checksum covers. */
  readonly #covered = this.bytes.subarray(4);

  /**
   * Makes the header of a payload. Hot: `bench/log.ts`.
   *
   * @param payload What stands behind it.
   * @param lsn The LSN of the batch.
   * @param seed The seed of the file's checksums.
   */
  make(payload: Uint8Array, lsn: number, seed: number): void {
    const view = this.#view;
    writeRecordHeader(view, 0, RecordKind.MARK, 0, payload.length);
    this.bytes[5] = lastOfBatch;
    view.setUint32(12, lsnLow(lsn), true);
    view.setUint32(16, lsnHigh(lsn), true);
    view.setUint32(0, crc32(payload, crc32(this.#covered)) ^ seed, true);
  }
}
