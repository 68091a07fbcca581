/**
 * The kernel's io_uring interface in numbers: system calls, flags, and the bytes of what is shared with it.
 * Everything is little-endian.
 *
 * ```
 *  params (120 B)             submission entry (64 B)           completion entry (16 B)
 *   0 u32 sq_entries           0 u8  opcode    1 u8 flags        0 u64 user_data
 *   4 u32 cq_entries           4 i32 fd                          8 i32 result, or −errno
 *   8 u32 flags                8 u64 offset                     12 u32 flags
 *  20 u32 features            16 u64 address
 *  40     sq_off (40 B)       24 u32 length                     wait argument (24 B)
 *  80     cq_off (40 B)       28 u32 flags of the opcode         0 u64 sigmask   8 u32 its size
 *                             32 u64 user_data                  12 u32 least wait in µs
 *  sq_off: 0 head 4 tail      40 … 63 unused here, zero         16 u64 address of a timespec
 *   8 mask 16 flags 32 u64 address of the submission entries
 *  cq_off: 0 head 4 tail 8 mask 16 overflow 20 entries 32 u64 address of the rings
 * ```
 *
 * Source: `include/uapi/linux/io_uring.h`.
 */

/** Numbers of the system calls, the same on every architecture that Deno runs on. */
export const uringSyscall = { setup: 425, enter: 426, register: 427 } as const;

/** Opcodes of submission entries. */
export const uringOpcode = { nop: 0, fsync: 3, fallocate: 17, read: 22, write: 23 } as const;

/** Flags of setup. The youngest is `noSqArray` (6.6); `noMmap` (6.5) lets the caller give the memory. */
export const uringSetup = { cqSize: 0x8, submitAll: 0x80, noMmap: 0x4000, noSqArray: 0x10000 } as const;

/** Features that the kernel reports. */
export const uringFeature = { noDrop: 0x2, extArg: 0x100 } as const;

/** Flags of enter. */
export const uringEnter = { getEvents: 0x1, extArg: 0x8 } as const;

/** The bit of the submission ring's flags that says that completions wait outside the completion ring. */
export const uringCqOverflow = 0x2;

/** Register's opcode that lists the supported opcodes, the flag that marks one, and how many to ask for. */
export const uringProbe = { opcode: 8, supported: 0x1, count: 64 } as const;

/** The flag of an fsync entry that makes it an fdatasync. */
export const uringDatasync = 0x1;

/** The flag of a write entry that makes it durable when it is done (RWF_DSYNC). */
export const uringDurableWrite = 0x2;

/** The flag of a submission entry that sends it to a kernel thread at once, where it may block. */
export const uringAsync = 0x10;

/** The errors that the engine tells apart. */
export const uringErrno = {
  EPERM: 1,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  EINVAL: 22,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const;
