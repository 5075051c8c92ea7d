import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { initWorkspace } from './init.js';
import { type Publication, publish } from './publish.js';
import { serveRepository } from './serve.js';
import { readSettings } from './settings.js';
import { type Passphrase, Signers } from './signers.js';
import { Workspace } from './workspace.js';

export const PASSPHRASE = 'correct horse battery';
/** Scrypt at its cheapest: tests open many keys. */
export const QUICK = 2;

/** A workspace in a folder of its own, with what tests do to it. */
export class Scene {
  private constructor(
    readonly folder: string,
    readonly workspace: Workspace,
    private readonly closers: (() => Promise<unknown>)[],
  ) {}

  static async open(): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), 'beltsight-release-'));
    const releases = join(folder, 'releases');
    await initWorkspace(releases, async () => PASSPHRASE, QUICK);
    return new Scene(folder, new Workspace(releases), []);
  }

  /** What publishing has warned of. */
  readonly warnings: string[] = [];

  async publish(now = new Date(), passphrase: Passphrase = async () => PASSPHRASE): Promise<Publication> {
    const settings = await readSettings(this.workspace.folder);
    const signers = new Signers(this.workspace.folder, settings, passphrase);
    const warn = (line: string) => void this.warnings.push(line);
    return publish({ workspace: this.workspace, settings, signers, now, warn });
  }

  /** Serves the repository; its address. */
  async serve(access?: Parameters<typeof serveRepository>[0]['access']): Promise<string> {
    const { folder } = this.workspace.repository;
    const server = await serveRepository({ folder, host: '127.0.0.1', port: 0, access, log: () => undefined });
    this.closers.push(server.close);
    return `http://127.0.0.1:${server.port}`;
  }

  /** An independent client, as devices have it, that trusts the first root. */
  async client(url: string, name = 'client'): Promise<{ target: (path: string) => Promise<unknown> }> {
    const metadataDir = join(this.folder, name);
    const targetDir = join(metadataDir, 'targets');
    await mkdir(targetDir, { recursive: true });
    const first = await readFile(join(this.workspace.repository.folder, 'metadata/1.root.json'));
    await writeFile(join(metadataDir, 'root.json'), first, { flag: 'wx' }).catch(() => undefined);
    const target = async (path: string) => {
      const updater = new Updater({
        metadataDir,
        metadataBaseUrl: `${url}/metadata`,
        targetDir,
        targetBaseUrl: `${url}/targets`,
        config: { fetchRetries: 0, fetchRetry: false },
      });
      await updater.refresh();
      const info = await updater.getTargetInfo(path);
      return info && JSON.parse(await readFile(await updater.downloadTarget(info), 'utf8'));
    };
    return { target };
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    await rm(this.folder, { recursive: true });
  }
}
