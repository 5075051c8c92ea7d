import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { writeAtomically } from '../train/atomic.js';
import { Repository } from './repository.js';

/**
 * The folder that releases are made in: `release.yaml`, `keys/`, `staged/` (what the next publishing adds), and `repository/`, the only part
 * that is served.
 */
export class Workspace {
  readonly repository: Repository;

  constructor(readonly folder: string) {
    this.repository = new Repository(join(folder, 'repository'));
  }

  /** Puts a target down for the next publishing; null: takes it out of the repository. */
  async stage(path: string, document: object | null): Promise<void> {
    await writeAtomically(join(this.folder, 'staged', path), `${JSON.stringify(document, null, 2)}\n`);
  }

  /** Targets that the next publishing adds, or takes away where the content is null. */
  async staged(): Promise<ReadonlyMap<string, Buffer | null>> {
    const root = join(this.folder, 'staged');
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    const found = new Map<string, Buffer | null>();
    for (const entry of entries.filter((each) => each.isFile() && each.name.endsWith('.json'))) {
      const file = resolve(entry.parentPath, entry.name);
      const content = await readFile(file);
      const path = relative(root, file).split(sep).join('/');
      if (path !== PENDING_ROOT) found.set(path, content.toString().trim() === 'null' ? null : content);
    }
    return found;
  }

  /** Forgets what was staged: it is published. */
  async unstage(paths: Iterable<string>): Promise<void> {
    for (const path of paths) await rm(join(this.folder, 'staged', path), { force: true });
  }

  /** Target paths of all releases there ever were: their files stay. */
  async everReleased(): Promise<readonly string[]> {
    const root = join(this.repository.folder, 'targets');
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const folder = relative(root, entry.parentPath).split(sep).join('/');
        return `${folder}/${entry.name.replace(/^[0-9a-f]{64}\./, '')}`;
      });
  }

  /** A root that does not have all its signatures yet: carried from signer to signer. */
  get pendingRoot(): string {
    return join(this.folder, 'staged', PENDING_ROOT);
  }
}

const PENDING_ROOT = 'root.json';
