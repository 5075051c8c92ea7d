import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** The power is gone: nothing happens any more. */
class PowerCut extends Error {}

type Action = (...args: never[]) => Promise<unknown>;
const CALLS = [
  'open',
  'readFile',
  'writeFile',
  'rename',
  'rm',
  'mkdir',
  'mkdtemp',
  'link',
  'copyFile',
  'stat',
  'statfs',
  'readdir',
] as const;
const CHANGES: ReadonlySet<string> = new Set(['writeFile', 'copyFile']);

/**
 * Cuts the power at one of the operations of a process: it and all later ones fail, and what was written and not flushed is lost, as on a disk
 * whose cache had no time. What was renamed and linked stays, which is the worse case: names without content.
 */
export class Power {
  #operations = 0;
  #off = false;
  readonly #unflushed = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #originals = new Map<string, unknown>();

  /** @param cutAt number of the operation that is not done any more, from 1; Infinity: count only */
  constructor(
    private readonly within: string,
    private readonly cutAt: number,
  ) {
    const promises = fs.promises as unknown as Record<string, Action>;
    for (const name of CALLS) {
      const original = promises[name] as Action;
      this.#originals.set(name, original);
      promises[name] = async (...args: never[]) => {
        const path = String(args[0]);
        if (!path.startsWith(this.within)) return original(...args);
        this.operation();
        const result = await original(...args);
        if (CHANGES.has(name)) this.#unflushed.add(name === 'copyFile' ? String(args[1]) : path);
        if (name === 'rename' || name === 'link') this.#follow(path, String(args[1]), name === 'rename');
        return name === 'open' ? this.#watched(result as fs.promises.FileHandle, path, String(args[1] ?? 'r')) : result;
      };
    }
    syncBuiltinESMExports();
  }

  get operations(): number {
    return this.#operations;
  }

  get off(): boolean {
    return this.#off;
  }

  /** Counts one operation, of the disk or of the network. */
  operation(): void {
    if (this.#off || ++this.#operations >= this.cutAt) {
      this.#off = true;
      throw new PowerCut('the power is gone');
    }
  }

  /** Restores the file system, and loses what was not flushed. */
  end(): void {
    const promises = fs.promises as unknown as Record<string, unknown>;
    for (const [name, original] of this.#originals) promises[name] = original;
    syncBuiltinESMExports();
    if (!this.#off) return;
    for (const path of this.#unflushed) if (fs.existsSync(path)) fs.truncateSync(path, fs.statSync(path).size >> 1);
  }

  /** Content that is not flushed follows its name. */
  #follow(from: string, to: string, renamed: boolean): void {
    for (const path of [...this.#unflushed]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#unflushed.add(to + path.slice(from.length));
      if (renamed) this.#unflushed.delete(path);
    }
    this.#names.set(from, to);
  }

  #watched(handle: fs.promises.FileHandle, path: string, flags: string): fs.promises.FileHandle {
    const writes = flags !== 'r';
    if (flags === 'w') this.#unflushed.add(path);
    return new Proxy(handle, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: never[]) => {
          if (key !== 'close') this.operation();
          if (writes && (key === 'writeFile' || key === 'write' || key === 'truncate')) this.#unflushed.add(path);
          const result = await (value as Action).apply(target, args);
          if (key === 'sync') this.#unflushed.delete(path);
          return result;
        };
      },
    });
  }
}
