import { availableParallelism } from 'node:os';
import { gitRevision, packageVersions } from './environment.js';
import { dataFingerprint } from './fingerprint.js';

/** What a run says of its making besides its configuration: software, revision of the working folder, training images, and cores of the machine. */
export async function experimentRecord(classes: Parameters<typeof dataFingerprint>[0]) {
  return {
    versions: await packageVersions(),
    revision: await gitRevision(process.cwd()),
    fingerprint: await dataFingerprint(classes),
    cores: availableParallelism(),
  };
}
