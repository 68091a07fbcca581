/** Floor 0: words that everything above speaks in. It imports nothing of the project. */

export * from "./crc32.ts";
export * from "./errors.ts";
export * from "./health.ts";
export * from "./host.ts";
export * from "./copy_bytes.ts";
export * from "./key.ts";
export type { KeyPart } from "./keys/key_part.ts";
export * from "./keys/key_prefix.ts";
export * from "./keys/key_text.ts";
export * from "./keys/key_writer.ts";
export * from "./keys/shard.ts";
export * from "./keys/structured_key.ts";
export { writeParts } from "./keys/write_parts.ts";
export * from "./latency_window.ts";
export * from "./limits.ts";
export * from "./lsn.ts";
export * from "./options.ts";
export * from "./path.ts";
export * from "./system_host.ts";
export * from "./times.ts";
export * from "./type_name.ts";
