import { availableParallelism } from 'node:os';
import { gitRevision, packageVersions } from './environment.js';
import { dataFingerprint } from './fingerprint.js';

/**
 * What a run says of its making besides its configuration: software, revision of the working folder, training images, and cores of the
 * machine.
 * @param engine versions of what its engine adds to the packages that every run needs
 */
export async function experimentRecord(
  classes: Parameters<typeof dataFingerprint>[0],
  engine: Readonly<Record<string, string>>,
) {
  return {
    versions: await packageVersions(engine),
    revision: await gitRevision(process.cwd()),
    fingerprint: await dataFingerprint(classes),
    cores: availableParallelism(),
  };
}
