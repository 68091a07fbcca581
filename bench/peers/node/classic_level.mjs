/**
 * classic-level (LevelDB for node): chained batches, which cost it less than arrays, and one put with `sync: true` at
 * the end of an ingest.
 *
 * Settings: views for keys and values, no compression, a write buffer of 64 MiB and a block cache of 8 MiB as
 * RocksDB is given; the rest as it comes. A dataset is compacted before it is read.
 */

const MiB = 1024 * 1024;
const entriesPerRead = 1000;

/** Opens a store. */
export async function openStore(load, directory, options = {}) {
  const { ClassicLevel } = load("classic-level");
  const db = new ClassicLevel(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
    writeBufferSize: options.writeBufferBytes ?? 64 * MiB,
    cacheSize: options.cacheBytes ?? 8 * MiB,
  });
  await db.open();
  return new ClassicLevelStore(db);
}

class ClassicLevelStore {
  #db;

  constructor(db) {
    this.#db = db;
  }

  async write(keys, values) {
    const batch = this.#db.batch();
    for (let i = 0; i < keys.length; i++) batch.put(keys[i], values[i]);
    await batch.write();
  }

  async flush() {
    // An empty record with sync makes the log durable that holds the records before it.
    await this.#db.put(new TextEncoder().encode("~"), new Uint8Array(0), { sync: true });
  }

  async commit(key, value) {
    await this.#db.put(key, value, { sync: true });
  }

  get(key) {
    return this.#db.get(key);
  }

  getMany(keys) {
    return this.#db.getMany(keys);
  }

  range(start, limit) {
    return drain(this.#db.iterator({ gte: start, limit }));
  }

  scan() {
    return drain(this.#db.iterator({ fillCache: false }));
  }

  async settle() {
    await this.#db.compactRange(new Uint8Array([0]), new Uint8Array([255]));
  }

  async close() {
    await this.#db.close();
  }
}

async function drain(iterator) {
  let count = 0;
  for (;;) {
    const entries = await iterator.nextv(entriesPerRead);
    if (entries.length === 0) break;
    count += entries.length;
  }
  await iterator.close();
  return count;
}
