/**
 * A directory of a simulated disk: which names are durable, and what was done to names since.
 *
 * A rename is two bindings, of the new name and of the old one. The old name is never lost unless the new one is there:
 * after a crash either of them stands, or both.
 *
 * @module
 */

import type { SimInode } from "./sim_inode.ts";

/** What a name stands for. */
export type SimNode = SimInode | SimDirectory;

/** A name that was given or taken away, which a loss of power may undo. */
export interface Binding {
  /** What it is. */
  readonly kind: "bound";
  /** When it happened: numbers of one disk, which grow. */
  readonly time: number;
  /** Where the name is. */
  readonly directory: SimDirectory;
  /** The name. */
  readonly name: string;
  /** What it stands for; `undefined` if the name is gone. */
  readonly node: SimNode | undefined;
  /** What must not be lost while this is not. */
  readonly needs: Binding | undefined;
}

/** See the top of the file. */
export class SimDirectory {
  /** What it is. */
  readonly kind = "directory";
  /** The names that a loss of power leaves at least, unless a pending change is left over them. */
  readonly durable: Map<string, SimNode> = new Map();
  /** The names that there are. */
  readonly current: Map<string, SimNode> = new Map();
  /** What was done and is not durable, in order. */
  pending: Binding[] = [];

  /** Gives or takes away a name, which a loss of power may undo. */
  bind(time: number, name: string, node: SimNode | undefined, needs?: Binding): Binding {
    const binding: Binding = { kind: "bound", time, directory: this, name, node, needs };
    bindIn(this.current, binding);
    this.pending.push(binding);
    return binding;
  }

  /** Gives a name that is durable at once. */
  bindDurably(name: string, node: SimNode): void {
    this.durable.set(name, node);
    this.current.set(name, node);
    this.pending = this.pending.filter((binding) => binding.name !== name);
  }

  /** Takes away a name, durably at once. */
  unbindDurably(name: string): void {
    this.durable.delete(name);
    this.current.delete(name);
    this.pending = this.pending.filter((binding) => binding.name !== name);
  }

  /** Makes durable what happened before a time, and what must not be lost without it. */
  settle(before: number): void {
    for (const binding of this.pending) {
      if (binding.time >= before) continue;
      bindIn(this.durable, binding);
      binding.needs?.directory.settleOne(binding.needs);
    }
    this.pending = this.pending.filter(({ time }) => time >= before);
  }

  /** Makes one change durable, and with it whatever the name stood for before it over. */
  settleOne(binding: Binding): void {
    if (!this.pending.includes(binding)) return;
    bindIn(this.durable, binding);
    this.pending = this.pending.filter(({ name, time }) => name !== binding.name || time > binding.time);
  }
}

/** Does a change to names. */
export function bindIn(names: Map<string, SimNode>, { name, node }: Binding): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}
