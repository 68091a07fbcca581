/**
 * The names in a directory as `getdents64` gives them, one record after the other:
 *
 * ```
 *   0x00  u64  number of the inode
 *   0x08  i64  where the next record is
 *   0x10  u16  length of this record
 *   0x12  u8   kind
 *   0x13       name, a NUL, and what fills the record up
 * ```
 *
 * @module
 */

/** The number of the system call. */
export const getdents64: bigint = Deno.build.arch === "aarch64" ? 61n : 217n;
/** Room for some hundred records at once. */
export const direntsBytes: number = 32 * 1024;

const lengthAt = 0x10;
const nameAt = 0x13;

/**
 * Reads the names out of records.
 *
 * @param records Whole records.
 * @returns The names, without those of the directory itself and of the one above.
 */
export function decodeDirents(records: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const decoder = new TextDecoder();
  const names: string[] = [];
  for (let at = 0; at < records.length; at += view.getUint16(at + lengthAt, true)) {
    const name = records.subarray(at + nameAt, records.indexOf(0, at + nameAt));
    names.push(decoder.decode(name));
  }
  return names.filter((name) => name !== "." && name !== "..");
}
