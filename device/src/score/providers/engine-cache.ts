import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holderOf, LOCK, tryLock } from '../../lock.js';

/** Everything that makes one engine unlike another. ONNX Runtime itself looks at much less (its issue 22244). */
export type EngineKey = Readonly<Record<string, unknown>>;

export interface EngineCacheOptions {
  /** Hears what happens, in words for a log. */
  readonly log?: (line: string) => void;
  /** How long to wait for another process that builds the same engine; default: 30 minutes. */
  readonly waitMs?: number;
  /** How often to look whether it is done; default: 500 ms. */
  readonly pollMs?: number;
}

const SEAL = 'sealed.json';
/** Engines kept: the one in use and the one before it, for a rollback. */
const KEPT = 2;

/**
 * A folder of engines for one key. Files count only once they are sealed: what a killed or full device left half written is
 * thrown away, and so is what no longer has the bytes it was sealed with. One process at a time builds.
 */
export class EngineCache {
  private constructor(
    /** What TensorRT reads and writes. */
    readonly folder: string,
    /** Whether there are engines already. */
    readonly filled: boolean,
    private readonly root: string,
    private readonly lock: FileHandle,
  ) {}

  /**
   * Opens the cache for a key and locks it; {@link release} unlocks.
   * @throws Error of the file system (no space, no permission), or if another process builds for too long
   */
  static async open(root: string, key: EngineKey, options: EngineCacheOptions = {}): Promise<EngineCache> {
    const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24);
    const folder = join(root, name);
    await mkdir(folder, { recursive: true });
    const lock = await waitForLock(folder, options);
    try {
      const filled = await isSealed(folder);
      if (filled) {
        const now = new Date();
        await utimes(folder, now, now);
      } else {
        if ((await contents(folder)).length > 0)
          options.log?.(`Engines in ${folder} are damaged: they are built anew.`);
        await empty(folder);
        await writeFile(join(folder, 'key.json'), `${JSON.stringify(key, null, 2)}\n`);
      }
      return new EngineCache(folder, filled, root, lock);
    } catch (error) {
      await lock.close();
      throw error;
    }
  }

  /** Records the engines as whole, and removes those of older keys. */
  async seal(): Promise<void> {
    const files: Record<string, string> = {};
    for (const file of await contents(this.folder)) {
      const path = join(this.folder, file);
      await flush(path);
      files[file] = await digest(path);
    }
    const part = join(this.folder, `${SEAL}.part`);
    await writeFile(part, JSON.stringify(files), { flush: true } as object);
    await rename(part, join(this.folder, SEAL));
    await this.#removeOld();
  }

  /** Throws the engines away. */
  async clear(): Promise<void> {
    await empty(this.folder);
  }

  /** Lets other processes use the folder. */
  async release(): Promise<void> {
    await this.lock.close();
  }

  async #removeOld(): Promise<void> {
    const names = await readdir(this.root);
    const folders = await Promise.all(
      names.map(async (name) => ({ path: join(this.root, name), at: (await stat(join(this.root, name))).mtimeMs })),
    );
    const others = folders.filter(({ path }) => path !== this.folder).sort((a, b) => b.at - a.at);
    for (const { path } of others.slice(KEPT - 1)) {
      const lock = await tryLock(path);
      if (!lock) continue;
      await rm(path, { recursive: true, force: true }).finally(() => lock.close());
    }
  }
}

async function isSealed(folder: string): Promise<boolean> {
  try {
    const sealed: Record<string, string> = JSON.parse(await readFile(join(folder, SEAL), 'utf8'));
    const files = Object.entries(sealed);
    for (const [file, expected] of files) if ((await digest(join(folder, file))) !== expected) return false;
    return files.length > 0;
  } catch {
    return false;
  }
}

/** Engine and timing files: all that is not ours. */
async function contents(folder: string): Promise<string[]> {
  const own = [SEAL, `${SEAL}.part`, LOCK, 'key.json'];
  return (await readdir(folder)).filter((name) => !own.includes(name)).sort();
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== LOCK) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r');
  await handle.sync();
  await handle.close();
}

async function waitForLock(
  folder: string,
  { log, waitMs = 30 * 60_000, pollMs = 500 }: EngineCacheOptions,
): Promise<FileHandle> {
  const end = performance.now() + waitMs;
  for (let told = false; ; told = true) {
    const lock = await tryLock(folder);
    if (lock) return lock;
    const holder = await holderOf(folder);
    if (performance.now() > end) throw new Error(`process ${holder} has held ${folder} for ${waitMs / 1000} s`);
    if (!told) log?.(`Process ${holder} builds the same engine: waiting for it.`);
    await sleep(pollMs);
  }
}
