/**
 * Every bound of the engine, with its unit in its name.
 *
 * A bound is checked before memory is taken for what it bounds, so that hostile input and hostile files cost
 * bounded time and memory.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** The longest key in bytes. */
export const maxKeyBytes: number = 512;
/** The longest value in bytes. */
export const maxValueBytes: number = 64 * MiB;
/** The largest encoded batch in bytes: it must fit one segment, whose offsets are 32 bits wide. */
export const maxBatchBytes: number = 512 * MiB;
/** The most changes in one batch; an open layer counts its entries in 23 bits. */
export const maxBatchChanges: number = 1 << 22;
/** The most versions that one open layer indexes before it must be frozen. */
export const maxLayerEntries: number = 1 << 23;
/** The smallest and largest size at which a segment may be frozen. */
export const minSegmentBytes: number = 64 * KiB;
/** See {@linkcode minSegmentBytes}. */
export const maxSegmentBytes: number = 1024 * MiB;
/** The longest file of an unsealed segment: offsets in it are 32 bits wide. */
export const maxSegmentFileBytes: number = 2 ** 32;
/** How often a store may be opened for writing: names of objects give that 32 bits. */
export const maxGeneration: number = 2 ** 32 - 1;
/** How many files a timeline may ever have had: the number of the next one has 32 bits. */
export const maxSequence: number = 2 ** 32 - 2;
/** The highest level that a layer may stand at. */
export const maxLevel: number = 8;
/** The most stores that keys may be divided among. */
export const maxShards: number = 2 ** 16;
/** The largest LSN: the largest safe integer. */
export const maxLsn: number = Number.MAX_SAFE_INTEGER;
/** On-disk structure is aligned to this many bytes whatever the device says. */
export const blockBytes: number = 4096;
/** The size of one index or bloom filter page in bytes. */
export const pageBytes: number = 8192;
/** The largest manifest that will be read, in bytes. */
export const maxManifestBytes: number = 64 * MiB;
/** The longest file of published metrics that will be read, in bytes: those of some thousand timelines. */
export const maxMetricsBytes: number = MiB;
/** The longest name of a timeline in UTF-16 code units. */
export const maxTimelineNameLength: number = 128;
/** Transfers that one engine keeps in flight. */
export const maxIoDepth: number = 128;
/** Files that the layer cache keeps open at the most. */
export const maxOpenLayerFiles: number = 384;
