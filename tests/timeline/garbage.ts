/** Collecting garbage, so that a test sees who still holds what. */

import v8 from "node:v8";
import vm from "node:vm";

v8.setFlagsFromString("--expose-gc");
const collect: () => void = vm.runInNewContext("gc");
const mostTurns = 40;

/** Whether what nobody holds but the reference is collected, within some turns of the event loop. */
export async function isFreed(reference: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < mostTurns && reference.deref() !== undefined; turn++) {
    await new Promise<void>((resolve) => setTimeout(resolve));
    collect();
  }
  return reference.deref() === undefined;
}
