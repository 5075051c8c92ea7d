import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { readKnown } from '../data/dataset.js';
import { holdOut } from '../data/split.js';
import { fileDigest } from '../file-digest.js';
import type { RunClass } from '../train/run.js';

/** The classes of a run with the pictures that were fed back among theirs. */
export interface FedBack {
  readonly classes: RunClass[];
  /** Pictures that the earlier run did not have. */
  readonly fresh: readonly string[];
}

/**
 * Adds pictures that were fed back to the classes of a run: of each class a share measures only, a share of the rest is held out for
 * stopping and calibration, and the others train. Pictures that the run had keep their place, so that nothing is measured or calibrated
 * on what was trained on.
 * @param inboxes folders in MVTec layout
 * @throws BeltsightError DATASET_* if there is nothing new, or a class that the model does not know
 */
export async function withFeedback(
  classes: readonly RunClass[],
  inboxes: readonly string[],
  { heldOut: share, seed }: { heldOut: number; seed: number },
): Promise<FedBack> {
  const pictures = await picturesByClass(
    inboxes,
    classes.map(({ name }) => name),
  );
  const unknown = [...pictures.keys()].filter((name) => !classes.some((known) => known.name === name));
  if (unknown.length > 0) {
    const known = classes.map(({ name }) => name).join(', ');
    throw new BeltsightError(
      'DATASET_INVALID',
      `${inboxes.join(', ')} holds pictures of ${unknown.join(', ')}, which the model does not know (it knows ${known}). A new class needs a training anew: beltsight train --data with good pictures of all classes. A wrong name: move the pictures.`,
    );
  }
  const fresh: string[] = [];
  const grown = classes.map((old, label): RunClass => {
    const seen = new Set([...old.train, ...old.heldOut, ...old.feedback.test]);
    const added = (pictures.get(old.name) ?? []).filter((file) => !seen.has(file));
    fresh.push(...added);
    const { heldOut: test, train: rest } = split(added, share, seed, label);
    const { heldOut, train } = split(rest, share, seed, label);
    return {
      ...old,
      train: [...old.train, ...train],
      heldOut: [...old.heldOut, ...heldOut],
      feedback: {
        train: [...old.feedback.train, ...train],
        heldOut: [...old.feedback.heldOut, ...heldOut],
        test: [...old.feedback.test, ...test],
      },
    };
  });
  if (fresh.length > 0) return { classes: grown, fresh };
  throw new BeltsightError(
    'DATASET_EMPTY',
    `${inboxes.join(', ')} holds no picture that the model was not trained on: there is nothing to learn.`,
  );
}

/** SHA-256 over class and content of every picture that was fed back. */
export async function feedbackDigest(classes: readonly RunClass[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, feedback } of classes) {
    for (const file of [...feedback.train, ...feedback.heldOut, ...feedback.test].sort()) {
      hash.update(`${name}\t${basename(file)}\t${(await fileDigest(file)).sha256}\n`);
    }
  }
  return hash.digest('hex');
}

async function picturesByClass(
  inboxes: readonly string[],
  known: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const pictures = new Map<string, string[]>();
  for (const inbox of inboxes) {
    for (const { name, train } of await readKnown([inbox], known)) {
      if (train.length > 0) pictures.set(name, [...(pictures.get(name) ?? []), ...train]);
    }
  }
  return pictures;
}

function split(files: readonly string[], share: number, seed: number, label: number) {
  return files.length < 2 ? { train: files, heldOut: [] } : holdOut(files, share, seed, label);
}
