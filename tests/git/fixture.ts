/** What the tests of imports speak in: a temporary folder and a git repository. */

import { createHash } from "node:crypto";
import type { Timeline } from "../../src/timeline/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A folder under the system's temporary one, removed in the end. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "varve_test_" });

  join(name: string): string {
    return `${this.path}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Writes to the standard input of a process, and ends it. */
export async function feed(child: Deno.ChildProcess, input: Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(input);
    await writer.close();
  } catch {
    // The program ended without reading all of it.
  }
}

/** Whether there is a git to test with. */
const gitIsThere: boolean = await new Deno.Command("git", { args: ["--version"] }).output().then(
  ({ success }) => success,
  () => false,
);

/** A test that is passed over where there is no git. */
export function gitTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !gitIsThere, fn });
}

/** A git repository in a folder of its own, whose commits are the same on every machine. */
export class Repository {
  private constructor(readonly path: string) {}

  static async create(path: string, format: "sha1" | "sha256" = "sha1"): Promise<Repository> {
    await Deno.mkdir(path);
    const repository = new Repository(path);
    await repository.git(["init", "-q", "-b", "main", `--object-format=${format}`]);
    return repository;
  }

  /** Runs git and returns what it wrote. */
  async git(args: string[], input: string | Uint8Array = ""): Promise<string> {
    const child = new Deno.Command("git", {
      args: ["-C", this.path, "-c", "protocol.file.allow=always", ...args],
      env: {
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "A",
        GIT_AUTHOR_EMAIL: "a@example.org",
        GIT_COMMITTER_NAME: "A",
        GIT_COMMITTER_EMAIL: "a@example.org",
        GIT_AUTHOR_DATE: "1700000000 +0000",
        GIT_COMMITTER_DATE: "1700000000 +0000",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const fed = feed(child, typeof input === "string" ? encoder.encode(input) : input);
    const { success, stdout, stderr } = await child.output();
    await fed;
    if (!success) throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout).trimEnd();
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    const whole = `${this.path}/${path}`;
    await Deno.mkdir(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(whole, typeof content === "string" ? encoder.encode(content) : content);
  }

  async remove(path: string): Promise<void> {
    await Deno.remove(`${this.path}/${path}`, { recursive: true });
  }

  /** Commits the work tree as it is, even if nothing changed. */
  async commit(): Promise<string> {
    await this.git(["add", "-A"]);
    return await this.commitIndex();
  }

  /** Commits the index as it is. */
  async commitIndex(): Promise<string> {
    await this.git(["commit", "-q", "--allow-empty", "-m", "change"]);
    return await this.git(["rev-parse", "HEAD"]);
  }

  /** Stores a blob and returns its id. */
  async blob(content: string | Uint8Array): Promise<string> {
    return await this.git(["hash-object", "-w", "--stdin"], content);
  }

  /** The ids of the first-parent history, the root first. */
  async commits(ref = "HEAD"): Promise<string[]> {
    return (await this.git(["rev-list", "--first-parent", "--reverse", ref])).split("\n");
  }

  /** Adds so many commits of a few files each. */
  async grow(commits: number, filesPerCommit = 4, fileBytes = 500): Promise<void> {
    const lines: string[] = [];
    for (let i = 1; i <= commits; i++) {
      lines.push(
        "commit refs/heads/main",
        `committer A <a@example.org> ${1700000000 + i} +0000`,
        "data 1\nm",
      );
      if (i === 1) lines.push("from refs/heads/main^0");
      for (let j = 0; j < filesPerCommit; j++) {
        const content = `${i} ${j} ${"x".repeat((i * 31 + j * 17) % fileBytes)}`;
        lines.push(`M 100644 inline d${j}/f${(i * 7 + j) % 97}`, `data ${content.length}\n${content}`);
      }
      if (i % 5 === 0) lines.push(`D d0/f${(i * 7) % 97}`);
    }
    lines.push("done", "");
    await this.git(["fast-import", "--quiet", "--done", "--force"], lines.join("\n"));
  }

  /** The paths of a tree and the ids of their blobs, without submodules. */
  async tree(commit: string): Promise<Map<string, string>> {
    const listing = await this.git(["ls-tree", "-r", "-z", commit]);
    const tree = new Map<string, string>();
    for (const line of listing.split("\0")) {
      const fields = /^([0-7]+) blob ([0-9a-f]+)\t(.*)$/s.exec(line);
      if (fields !== null) tree.set(fields[3], fields[2]);
    }
    return tree;
  }
}

/** The paths that a timeline holds as of an LSN and the ids that their values have as blobs. */
export async function importedTree(
  timeline: Timeline,
  lsn: number,
  algorithm: "sha1" | "sha256" = "sha1",
): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  for await (const { key, value } of timeline.scan({}, { lsn })) {
    if (key[0] === 0 || value === undefined) continue;
    const hash = createHash(algorithm).update(`blob ${value.length}\0`).update(value);
    tree.set(decoder.decode(key), hash.digest("hex"));
  }
  return tree;
}
