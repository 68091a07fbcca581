/**
 * lmdb-js, as its documentation recommends: asynchronous `put`s, which it gathers into transactions on its own
 * thread, synchronous `get`s from the memory map, `db.flushed` for durability.
 *
 * Settings: binary keys and values, no compression, `noMemInit`; the rest as it comes.
 */

// lmdb commits what has gathered meanwhile. 8, 64 and 512 batches of 256 random records gave 50, 87 and 251 thousand
// records/s; without a bound its memory would grow with the ingest.
const outstandingBatches = 512;

/** Opens a store. */
export function openStore(load, directory) {
  const { open } = load("lmdb");
  const db = open({
    path: directory,
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
    compression: false,
    noMemInit: true,
  });
  return new LmdbStore(db);
}

class LmdbStore {
  #db;
  #outstanding = [];

  constructor(db) {
    this.#db = db;
  }

  async write(keys, values) {
    let last;
    for (let i = 0; i < keys.length; i++) last = this.#db.put(keys[i], values[i]);
    this.#outstanding.push(last);
    if (this.#outstanding.length > outstandingBatches) await this.#outstanding.shift();
  }

  async flush() {
    await Promise.all(this.#outstanding);
    this.#outstanding = [];
    await this.#db.flushed;
  }

  async commit(key, value) {
    await this.#db.put(key, value);
    await this.#db.flushed;
  }

  get(key) {
    return this.#db.get(key);
  }

  getMany(keys) {
    return this.#db.getMany(keys);
  }

  range(start, limit) {
    let count = 0;
    for (const { value } of this.#db.getRange({ start, limit })) count += value.length > 0 ? 1 : 0;
    return count;
  }

  scan() {
    let count = 0;
    for (const { value } of this.#db.getRange({})) count += value.length > 0 ? 1 : 0;
    return count;
  }

  settle() {}

  async close() {
    await this.#db.close();
  }
}
