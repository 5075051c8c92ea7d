import { isDeepStrictEqual } from 'node:util';
import { BeltsightError } from '@beltsight/sdk';
import { MANIFEST } from '@beltsight/sdk/bundle';
import type { Logger } from 'pino';
import { OF_EITHER, OF_THE_MODEL } from './blame.js';
import type { Candidate, ModelHost } from './host.js';
import type { FoundRelease } from './source/releases.js';
import type { BlobStore } from './store/blobs.js';
import type { Baseline, Occupant, Place, RecordFile, Slot } from './store/record.js';
import type { Slots } from './store/slots.js';

export interface InstallationParts {
  readonly record: RecordFile;
  readonly slots: Slots;
  readonly blobs: BlobStore;
  readonly host: ModelHost;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Models in and out of use. Before every change of the disk the record says what holds: at any moment, what it names as in use is whole and was
 * proved on its golden samples.
 */
export class Installation {
  constructor(private readonly parts: InstallationParts) {}

  /** The release in use; null: the bundle that the device was installed with. */
  get inUse(): Occupant | null {
    return this.#occupant(this.parts.record.record.active);
  }

  /** Why a release is not tried again. */
  failure({ digest }: Pick<FoundRelease, 'digest'>): string | undefined {
    return this.parts.record.record.failed.find((each) => each.digest === digest)?.reason;
  }

  /** Keeps what was fetched of a release, also while it is not desired, until another one is fetched. */
  async keep({ release }: FoundRelease): Promise<void> {
    const { record } = this.parts;
    const fetched = digestsOf(release);
    if (!isDeepStrictEqual(fetched, record.record.fetched)) await record.write({ fetched });
  }

  /** Lays a release, whose blobs are there, out in the slot that is not in use. */
  async stage({ release }: FoundRelease): Promise<Slot> {
    const { record, slots } = this.parts;
    const { active, fallback } = record.record;
    const slot: Slot = active === 'a' ? 'b' : 'a';
    // The slot is disowned before it is touched.
    await record.write({
      slots: { ...record.record.slots, [slot]: null },
      fallback: fallback === slot ? active : fallback,
    });
    await slots.fill(slot, release.files);
    return slot;
  }

  /**
   * Opens a staged release beside the model in use.
   * @throws BeltsightError whatever is wrong with it; it is not tried again if it is to blame, and not disk, configuration or machine
   */
  async test(slot: Slot, found: FoundRelease, signal: AbortSignal): Promise<Candidate> {
    const { host, slots, blobs } = this.parts;
    let candidate: Candidate;
    try {
      await slots.requireManifest(slot, manifestOf(found));
      candidate = await host.candidate(slots.path(slot), signal);
    } catch (error) {
      if (signal.aborted || isOfTheConfiguration(error)) throw error;
      // What the disk has forgotten can look like anything.
      const damaged = await blobs.dropDamaged(Object.values(found.release.files));
      if (!damaged && (await this.#isToBlame(error, signal))) await this.#condemn(found, (error as Error).message);
      throw error;
    }
    if (candidate.modelId === found.release.modelId) return candidate;
    const reason = `The bundle holds model ${candidate.modelId}, the release says ${found.release.modelId}.`;
    await candidate.close();
    await this.#condemn(found, reason);
    throw new BeltsightError('UPDATE_REFUSED', reason);
  }

  /**
   * Puts a tested release in use, on probation.
   * @param before what the model in use does; null where it has inspected too little since the start: what is recorded holds
   */
  async use(slot: Slot, found: FoundRelease, candidate: Candidate, before: Baseline | null): Promise<void> {
    const { record, now } = this.parts;
    try {
      const { path: release, digest } = found;
      const occupant: Occupant = { release, digest, modelId: candidate.modelId, manifest: manifestOf(found) };
      await record.write({
        active: slot,
        fallback: record.record.active,
        slots: { ...record.record.slots, [slot]: occupant },
        probation: { since: new Date(now()).toISOString(), starts: 0 },
        baseline: before ?? record.record.baseline,
        fetched: [],
      });
    } catch (error) {
      await candidate.close();
      throw error;
    }
    await candidate.use();
  }

  /** The release in use has proved itself, and did what the next one is compared with. */
  async confirm(baseline: Baseline | null): Promise<void> {
    await this.parts.record.write({ probation: null, baseline });
  }

  /** Puts the model before in use, and does not try the present one again. */
  async goBack(reason: string, signal: AbortSignal): Promise<void> {
    const { record, logger, now } = this.parts;
    const { active, fallback } = record.record;
    const bad = this.inUse;
    if (active === 'factory' || !bad) {
      throw new BeltsightError('ARGUMENT_INVALID', 'There is no model before this one to go back to.');
    }
    logger.error({ release: bad.release, reason }, `${bad.release} is taken back: ${reason}.`);
    const { place, candidate } = await this.#openBefore(fallback === active ? 'factory' : fallback, signal);
    const failure = { release: bad.release, digest: bad.digest, at: new Date(now()).toISOString(), reason };
    // A disk that refuses does not keep a bad model in use.
    await this.#writeAnyway({
      active: place,
      fallback: 'factory',
      slots: { ...record.record.slots, [active]: null },
      probation: null,
      // What a model did that had proved itself, and is taken back all the same, is no measure.
      baseline: record.record.probation ? record.record.baseline : null,
      failed: [...record.record.failed, failure],
    });
    await candidate.use();
  }

  /**
   * Keeps what lies in both slots, and what there is of a release that is wanted, or for later where none is to be fetched; what else was
   * fetched goes.
   * @returns why not all of it is gone, where that is so
   */
  async collectGarbage(wanted: FoundRelease | undefined): Promise<string | undefined> {
    const { record, slots, blobs, logger } = this.parts;
    const kept = new Set(wanted && digestsOf(wanted.release));
    if (!wanted || wanted.digest === this.inUse?.digest) for (const each of record.record.fetched) kept.add(each);
    try {
      for (const slot of ['a', 'b'] as const) {
        if (record.record.slots[slot]) for (const digest of await slots.digests(slot)) kept.add(digest);
        else await slots.empty(slot);
      }
      await blobs.keepOnly(kept);
      return undefined;
    } catch (error) {
      const reason = `What is not needed any more is still there: ${(error as Error).message}`;
      logger.warn({ err: error }, reason);
      return reason;
    }
  }

  /** Lets a release that has failed be tried once more. */
  async forgive({ digest }: FoundRelease, retry: number): Promise<void> {
    const { record } = this.parts;
    if (retry <= record.record.retry) return;
    await record.write({ retry, failed: record.record.failed.filter((each) => each.digest !== digest) });
  }

  async #openBefore(fallback: Place, signal: AbortSignal): Promise<{ place: Place; candidate: Candidate }> {
    const { host, slots, logger } = this.parts;
    try {
      const occupant = this.#occupant(fallback);
      if (fallback !== 'factory' && occupant) await slots.requireManifest(fallback, occupant.manifest);
      return { place: fallback, candidate: await host.candidate(slots.path(fallback), signal) };
    } catch (error) {
      if (fallback === 'factory') throw error;
      logger.error({ err: error }, `The model before cannot be opened: ${(error as Error).message}`);
      return { place: 'factory', candidate: await host.candidate(slots.path('factory'), signal) };
    }
  }

  /** Whether a release could not be opened because of what it is. */
  async #isToBlame(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!(error instanceof BeltsightError)) return false;
    if (error.code !== OF_EITHER) return OF_THE_MODEL.has(error.code);
    // A machine that cannot compute says so, and one of whose providers each refuses this model: then the one in use still opens.
    const { host, slots, record } = this.parts;
    return host.candidate(slots.path(record.record.active), signal).then(
      (inUse) => inUse.close().then(() => true),
      () => false,
    );
  }

  async #condemn({ path, digest }: FoundRelease, reason: string): Promise<void> {
    const { record, now } = this.parts;
    const failure = { release: path, digest, at: new Date(now()).toISOString(), reason };
    await this.#writeAnyway({ failed: [...record.record.failed, failure] });
  }

  #writeAnyway(change: Parameters<RecordFile['write']>[0]): Promise<void> {
    return this.parts.record.writeAnyway(change, (line) => this.parts.logger.warn(line));
  }

  #occupant(place: Place): Occupant | null {
    return place === 'factory' ? null : this.parts.record.record.slots[place];
  }
}

function digestsOf({ files }: FoundRelease['release']): string[] {
  return Object.values(files).map(({ sha256 }) => sha256);
}

/** SHA-256 of the manifest of a release; one without is no bundle. */
function manifestOf({ release }: FoundRelease): string {
  return release.files[MANIFEST]?.sha256 ?? '';
}

/** A camera expects a class that the model does not know. */
function isOfTheConfiguration(error: unknown): boolean {
  return error instanceof BeltsightError && error.code === 'CONFIG_INVALID';
}
