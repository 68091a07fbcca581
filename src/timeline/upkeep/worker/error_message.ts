/**
 * Errors between threads: cloning keeps of an error of our own neither its class nor its fields.
 *
 * @module
 */

import {
  AssertionError,
  type CorruptionContext,
  CorruptionError,
  IoError,
  type IoErrorContext,
  LimitError,
  type LimitErrorContext,
  MemoryError,
  PoisonedError,
  VarveError,
} from "../../../base/mod.ts";

/** An error as it is sent, with the error underneath. */
export type ErrorMessage =
  & { readonly message: string; readonly cause: ErrorMessage | undefined }
  & (
    | { readonly type: "IoError"; readonly context: Omit<IoErrorContext, "cause"> }
    | { readonly type: "CorruptionError"; readonly context: Omit<CorruptionContext, "cause"> }
    | { readonly type: "LimitError"; readonly context: LimitErrorContext }
    | { readonly type: PlainName }
  );

/** Errors that are a message and a cause. */
type PlainName =
  | "MemoryError"
  | "PoisonedError"
  | "VarveError"
  | "AssertionError"
  | "BadResource"
  | "NotCapable"
  | "RangeError"
  | "TypeError"
  | "Error";

const plain: Readonly<Record<PlainName, (message: string, options: ErrorOptions) => Error>> = {
  MemoryError: (message, options) => new MemoryError(message, options),
  PoisonedError: (message, options) => new PoisonedError(message, options),
  VarveError: (message, options) => Object.assign(new VarveError(message), options),
  AssertionError: (message, options) => Object.assign(new AssertionError(message), options),
  BadResource: (message, options) => new Deno.errors.BadResource(message, options),
  NotCapable: (message, options) => new Deno.errors.NotCapable(message, options),
  RangeError: (message, options) => new RangeError(message, options),
  TypeError: (message, options) => new TypeError(message, options),
  Error: (message, options) => new Error(message, options),
};

/** An error as it is sent. What is no error is one that says so. */
export function encodeError(error: unknown): ErrorMessage {
  if (!(error instanceof Error)) return { type: "Error", message: String(error), cause: undefined };
  const { message } = error, cause = error.cause === undefined ? undefined : encodeError(error.cause);
  if (error instanceof IoError) {
    const { code, operation, path, offset } = error;
    return { type: "IoError", message, cause, context: { code, operation, path, offset } };
  }
  if (error instanceof CorruptionError) {
    const { path, offset, expected, found } = error;
    return { type: "CorruptionError", message, cause, context: { path, offset, expected, found } };
  }
  if (error instanceof LimitError) {
    const { limit, found, key } = error;
    return { type: "LimitError", message, cause, context: { limit, found, key } };
  }
  const type = Object.hasOwn(plain, error.name) ? error.name as PlainName : "Error";
  return { type, message, cause };
}

/** The error that was sent. */
export function decodeError(sent: ErrorMessage): Error {
  const { message } = sent, cause = sent.cause === undefined ? undefined : decodeError(sent.cause);
  if (sent.type === "IoError") return new IoError({ ...sent.context, cause });
  if (sent.type === "CorruptionError") return new CorruptionError({ ...sent.context, cause });
  if (sent.type === "LimitError") return new LimitError(message, sent.context);
  return plain[sent.type](message, cause === undefined ? {} : { cause });
}
