import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OPCUACertificateManager, type StatusCode } from 'node-opcua';

type StatusCodeCallback = (error: Error | null, status?: StatusCode) => void;

/** The most unknown certificates laid aside, the newest ones: a stranger must not fill the disk. */
const MOST_REJECTED = 100;

/**
 * Trusts the certificates that lie in `trusted/certs/` of its folder when a client shows its own, and lays unknown ones into `rejected/`.
 *
 * The base class follows its folders by events instead. Of a certificate that is moved while its client tries again, these come too
 * late: it is put back into `rejected/`, or refused until the next start.
 */
export class FolderTrust extends OPCUACertificateManager {
  /** Ends when all checks so far did: one at a time, since each begins with an empty index. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(rootFolder: string) {
    super({ rootFolder, automaticallyAcceptUnknownCertificate: false, disableFileWatchers: true });
  }

  override checkCertificate(chain: Buffer | Buffer[]): Promise<StatusCode>;
  override checkCertificate(chain: Buffer | Buffer[], callback: StatusCodeCallback): void;
  override checkCertificate(chain: Buffer | Buffer[], callback?: StatusCodeCallback): Promise<StatusCode> | undefined {
    const verdict = this.#last.then(() => this.#check(chain));
    this.#last = verdict.catch(() => undefined);
    if (!callback) return verdict;
    verdict.then((status) => callback(null, status), callback);
    return undefined;
  }

  async #check(chain: Buffer | Buffer[]): Promise<StatusCode> {
    await this.reloadCertificates();
    const status = await super.checkCertificate(chain);
    await this.#forgetOldest();
    return status;
  }

  async #forgetOldest(): Promise<void> {
    const names = await readdir(this.rejectedFolder);
    if (names.length <= MOST_REJECTED) return;
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(this.rejectedFolder, name);
        // Gone: somebody has just moved it to the trusted ones.
        const file = await stat(path).catch(() => undefined);
        return file && { path, since: file.mtimeMs };
      }),
    );
    const files = found.filter((file) => file !== undefined);
    files.sort((a, b) => b.since - a.since);
    await Promise.all(files.slice(MOST_REJECTED).map(({ path }) => rm(path, { force: true })));
  }
}
