import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunReference } from '../export/card.js';
import { writeFailed } from '../train/atomic.js';
import { isRun, runFiles } from '../train/run.js';
import type { Workspace } from './workspace.js';

/** Where a workspace keeps what later trainings of a released model go on from. It is not served: devices have no use for it. */
export function trainingState(workspace: Workspace, weights: string): string {
  return join(workspace.folder, 'training', weights);
}

/**
 * Keeps description and weights of the run that a bundle was exported from, unless they are there.
 * @returns whether they are kept: not where the run is gone, or was trained on
 * @throws BeltsightError IO_FAILED
 */
export async function keepTrainingState(workspace: Workspace, { folder, weights }: RunReference): Promise<boolean> {
  const target = trainingState(workspace, weights);
  if (await isRun(target, weights)) return true;
  if (!(await isRun(folder, weights))) return false;
  const part = `${target}.part`;
  try {
    await rm(part, { recursive: true, force: true });
    await mkdir(part, { recursive: true });
    const [from, to] = [runFiles(folder), runFiles(part)];
    for (const file of ['run', 'best'] as const) await copyFile(from[file], to[file], constants.COPYFILE_FICLONE);
    await rm(target, { recursive: true, force: true });
    await rename(part, target);
  } catch (cause) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    throw writeFailed(target, cause);
  }
  return true;
}
