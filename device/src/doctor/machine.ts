import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, ask } from './command.js';

/** All that `doctor` and `bench` look at a machine through. None of it throws. */
export interface Machine {
  /** Text of a file, control characters but line ends and tabs as spaces, trimmed; undefined if it is not there or cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** Names in a folder, in order; none if it is not there or cannot be read. */
  list(folder: string): Promise<readonly string[]>;
  /** Runs a command, without a shell and for a few seconds at most. */
  run(command: string, ...args: string[]): Promise<Answer>;
}

/** The machine this runs on, or a tree of files that looks like one. */
export class LocalMachine implements Machine {
  constructor(
    private readonly root = '/',
    readonly run: Machine['run'] = ask,
  ) {}

  async read(path: string): Promise<string | undefined> {
    try {
      return (await readFile(join(this.root, path), 'utf8')).replace(/[^\P{Cc}\n\t]/gu, ' ').trim();
    } catch {
      return undefined;
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      const names = await readdir(join(this.root, folder));
      return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    } catch {
      return [];
    }
  }
}

/** A file that holds a whole number; undefined for anything else. */
export async function readNumber(machine: Machine, path: string): Promise<number | undefined> {
  const text = await machine.read(path);
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
