/** A runtime that is short of memory. */

/** Has the runtime find no memory for arrays of one length until it is disposed of. */
export function withoutMemoryFor(length: number): Disposable {
  const whole = globalThis.Uint8Array;
  const construct = (target: typeof whole, args: unknown[]) => {
    if (args[0] === length) throw new RangeError("Array buffer allocation failed");
    return Reflect.construct(target, args);
  };
  globalThis.Uint8Array = new Proxy(whole, { construct });
  return { [Symbol.dispose]: () => void (globalThis.Uint8Array = whole) };
}
