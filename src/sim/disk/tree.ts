/**
 * Paths of a simulated disk: absolute, with `/` between names; `.`, `..` and empty names are understood, and links do
 * not exist.
 *
 * @module
 */

import { IoError } from "../../base/mod.ts";
import { type Binding, SimDirectory, type SimNode } from "./sim_directory.ts";

/** Where a name is, or would be. */
export interface Spot {
  /** The directory. */
  readonly directory: SimDirectory;
  /** The name in it. */
  readonly name: string;
}

/** The names along a path. */
export function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/**
 * What stands at a path.
 *
 * @throws {IoError} With `ENOENT` if nothing does, and with `ENOTDIR` if a file stands in its way.
 */
export function nodeAt(root: SimDirectory, path: string, operation: string): SimNode {
  let node: SimNode = root;
  for (const name of namesOf(path)) {
    if (node.kind === "file") throw new IoError({ code: "ENOTDIR", operation, path });
    const next: SimNode | undefined = node.current.get(name);
    if (next === undefined) throw new IoError({ code: "ENOENT", operation, path });
    node = next;
  }
  return node;
}

/** Where the last name of a path is; see {@linkcode nodeAt}. */
export function spotAt(root: SimDirectory, path: string, operation: string): Spot {
  const names = namesOf(path), name = names.pop();
  if (name === undefined) throw new IoError({ code: "EBUSY", operation, path });
  const directory = nodeAt(root, `/${names.join("/")}`, operation);
  if (directory.kind === "file") throw new IoError({ code: "ENOTDIR", operation, path });
  return { directory, name };
}

/** A directory and every node below it, with their paths; parents first. */
export function* walk(directory: SimDirectory, path = ""): Generator<[path: string, node: SimNode]> {
  yield [path === "" ? "/" : path, directory];
  for (const [name, node] of directory.current) {
    if (node.kind === "directory") yield* walk(node, `${path}/${name}`);
    else yield [`${path}/${name}`, node];
  }
}

/** A copy of everything that can still be reached, for a disk of its own. */
export class TreeCopy {
  readonly #nodes = new Map<SimNode, SimNode>();
  readonly #bindings = new Map<Binding, Binding>();

  /** The copy of a node. */
  of<Node extends SimNode>(node: Node): Node {
    let copy = this.#nodes.get(node);
    if (copy === undefined) {
      copy = node.kind === "file" ? node.clone() : new SimDirectory();
      this.#nodes.set(node, copy);
      if (node.kind === "directory") this.#fill(node, copy as SimDirectory);
    }
    return copy as Node;
  }

  #fill(from: SimDirectory, to: SimDirectory): void {
    for (const [name, node] of from.durable) to.durable.set(name, this.of(node));
    for (const [name, node] of from.current) to.current.set(name, this.of(node));
    to.pending = from.pending.map((binding) => this.#binding(binding));
  }

  #binding(binding: Binding): Binding {
    let copy = this.#bindings.get(binding);
    if (copy === undefined) {
      const { directory, node, needs } = binding;
      copy = {
        ...binding,
        directory: this.of(directory),
        node: node && this.of(node),
        needs: needs && this.#binding(needs),
      };
      this.#bindings.set(binding, copy);
    }
    return copy;
  }
}
