import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { type Bundle, MANIFEST, openBundle } from '@beltsight/sdk/bundle';
import { readCard } from '../export/card.js';
import { releasedBundle, targetPath } from '../release/reference.js';
import { trainingState } from '../release/training-state.js';
import { Workspace } from '../release/workspace.js';
import { isRun, readRun, runFiles, type TrainedRun } from '../train/run.js';

export interface StartOptions {
  /** Run folder, bundle folder, or release: `<name>-<version>`, or its target path. */
  readonly from: string;
  /** Workspace that the release is in. */
  readonly releases: string;
  /** Run folder that a bundle or release was exported from, where it is no longer where it was. */
  readonly run?: string | undefined;
}

/** A trained model to go on from. */
export interface Start {
  readonly folder: string;
  readonly trained: TrainedRun;
  /** What was made of it; undefined where a run was named. */
  readonly bundle: Bundle | undefined;
  /** Target path of the release that it is. */
  readonly release: string | null;
}

/**
 * Finds what a fine-tuning starts from. A bundle is not enough: its graph is folded, and it does not say which pictures were trained on. So
 * its card names the run by the digest of its weights, and only a run with these weights will do.
 * @throws BeltsightError ARGUMENT_INVALID, BUNDLE_*, RUN_INVALID if there is none, or its run cannot be found
 */
export async function findStart({ from, releases, run }: StartOptions): Promise<Start> {
  if (await exists(runFiles(from).run)) {
    return { folder: from, trained: await readRun(from), bundle: undefined, release: null };
  }
  if (await exists(join(from, MANIFEST))) {
    const bundle = await openBundle((file) => readFile(join(from, file)));
    return { ...(await runOf(bundle, from, run, [])), bundle, release: null };
  }
  if (!from.startsWith('releases/') && !/^[A-Za-z0-9_.]+-\d+$/.test(from)) {
    throw new BeltsightError(
      'ARGUMENT_INVALID',
      `${from} is no run folder, no bundle folder, and no release such as bottles-3.`,
    );
  }
  const workspace = new Workspace(releases);
  const release = targetPath(from, {});
  const bundle = await releasedBundle(workspace, release);
  const kept = (weights: string) => trainingState(workspace, weights);
  return { ...(await runOf(bundle, from, run, [kept])), bundle, release };
}

/** The run that a bundle was exported from. */
async function runOf(
  bundle: Bundle,
  what: string,
  named: string | undefined,
  places: readonly ((weights: string) => string)[],
): Promise<{ folder: string; trained: TrainedRun }> {
  const { run } = await readCard(bundle);
  if (!run) {
    throw new BeltsightError(
      'RUN_INVALID',
      `The bundle of ${what} does not say which run it was exported from: name that run folder itself with --from.`,
    );
  }
  const candidates = named === undefined ? [...places.map((place) => place(run.weights)), run.folder] : [named];
  for (const folder of candidates)
    if (await isRun(folder, run.weights)) return { folder, trained: await readRun(folder) };
  throw new BeltsightError(
    'RUN_INVALID',
    named === undefined
      ? `The run that ${what} was exported from is not in ${run.folder} any more, or was trained on since: give a copy of its folder with --run.`
      : `${named} is not the run that ${what} was exported from: its weights are others, or missing.`,
  );
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
