import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DesiredMessage, UpdateState, UpdateStateMessage } from '@beltsight/sdk';
import type { ServiceObserver } from '../service/observer.js';
import type { Candidate } from './host.js';
import { Installation, type InstallationParts } from './installation.js';
import { Probation, type ProbationLimits, Usual } from './probation.js';
import type { FoundRelease, Releases } from './source/releases.js';
import type { Transport } from './source/transport.js';
import { type TimeWindow, untilOpen } from './window.js';

export interface UpdaterParts extends Omit<InstallationParts, 'now'> {
  readonly device: { readonly site: string; readonly line: string };
  readonly channel: string;
  /** How often it looks by itself, in seconds. */
  readonly pollSeconds: number;
  /** When it may switch, unless what is desired says otherwise. */
  readonly window?: TimeWindow | undefined;
  readonly probation: ProbationLimits;
  readonly transport: Transport;
  readonly releases: Releases;
  readonly publish: (state: UpdateStateMessage) => void;
  /** Milliseconds since 1970, and of a clock that nobody sets; for tests. */
  readonly now?: () => number;
  readonly elapsed?: () => number;
}

/** After a failure that may pass by itself, it looks again so soon, doubled each time, up to the configured interval. */
const RETRY_MS = 30_000;
/** How often a model on probation is judged. */
const JUDGE_MS = 1000;

/**
 * Brings a device to the release that is desired: looks, fetches, stages, tests beside the model in use, switches between two frames, watches, and
 * confirms or goes back. Every step can be interrupted at any moment and is done again from what the record says. It never throws: what
 * goes wrong shows in the state, and the device goes on inspecting.
 */
export class Updater implements ServiceObserver {
  readonly #stopping = new AbortController();
  readonly #installation: Installation;
  #usual = new Usual();
  readonly #now: () => number;
  readonly #elapsed: () => number;
  #wake = new AbortController();
  #step = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  #desired: DesiredMessage | undefined;
  #state: Pick<UpdateStateMessage, 'state' | 'desired' | 'reason' | 'progress'> = { state: 'checking', desired: null };
  #probation: Probation | undefined;
  #failures = 0;
  /** Times in a row that a release could not be tested, through no fault of its own. */
  #untested = 0;

  constructor(private readonly parts: UpdaterParts) {
    this.#now = parts.now ?? Date.now;
    this.#elapsed = parts.elapsed ?? (() => performance.now());
    this.#installation = new Installation({ ...parts, now: this.#now });
    this.#desired = parts.record.record.desired ?? undefined;
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    if (this.parts.record.record.probation) {
      this.#probation = this.#newProbation();
      this.#state = { state: 'probation', desired: this.#installation.inUse?.release ?? null };
    }
    this.#publish();
    while (!signal.aborted) {
      // Whoever wakes it while it looks makes it look once more.
      this.#wake = new AbortController();
      this.#step = new AbortController();
      const step = AbortSignal.any([signal, this.#step.signal]);
      const waitMs = await this.#inTurn(() => this.#look(step)).catch((error: unknown) => this.#failed(error, step));
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(waitMs, undefined, { signal: woken, ref: false }).catch(() => undefined);
    }
  }

  /** What somebody wants of this device, over restarts; undefined: what the channel says. */
  desire(desired: DesiredMessage | undefined): void {
    if (isDeepStrictEqual(desired, this.#desired)) return;
    this.#desired = desired;
    this.#step.abort();
    this.#inTurn(() => this.parts.record.write({ desired: desired ?? null })).catch((error: Error) =>
      this.parts.logger.warn({ err: error }, `What is desired will not be known after a restart: ${error.message}`),
    );
    this.check();
  }

  /** Looks now. */
  check(): void {
    this.#failures = 0;
    this.#wake.abort();
  }

  /** Forbids or allows updates, over restarts. What is being fetched is left where it is. */
  async hold(hold: boolean): Promise<void> {
    this.#step.abort();
    await this.#inTurn(() => this.parts.record.write({ hold }));
    this.check();
  }

  /**
   * Goes back to the model before, and does not try the present one again.
   * @throws BeltsightError ARGUMENT_INVALID if there is none, or what keeps it from being opened
   */
  async rollBack(reason: string): Promise<void> {
    // What it is doing is done again afterwards.
    this.#step.abort();
    await this.#inTurn(() => this.#goBack(reason));
    this.check();
  }

  result(...[result]: Parameters<NonNullable<ServiceObserver['result']>>): void {
    if (result.modelId !== this.parts.host.modelId) return;
    if (this.#probation) this.#probation.result(result);
    else this.#usual.result(result);
  }

  /** A frame could not be inspected. */
  failure(): void {
    this.#probation?.failure();
  }

  /** How it stands. */
  get message(): UpdateStateMessage {
    const { record, host } = this.parts;
    const rollout = this.#desired?.rollout;
    return {
      schema: 'beltsight.update/1',
      at: new Date(this.#now()).toISOString(),
      ...this.#state,
      running: { release: this.#installation.inUse?.release ?? null, modelId: host.modelId },
      failed: record.record.failed.map(({ release, at, reason }) => ({ release, at, reason })),
      ...(rollout ? { rollout } : {}),
    };
  }

  /** @param orderly the service was asked to stop: that is not held against a model on probation */
  async close(orderly = true): Promise<void> {
    this.#stopping.abort();
    await this.#turn;
    if (orderly) await this.#forgetStarts();
    await this.parts.transport.close();
    await this.parts.record.close();
  }

  /** One look; how long to wait before the next, in milliseconds. */
  async #look(signal: AbortSignal): Promise<number> {
    const { record, releases, device, channel, pollSeconds } = this.parts;
    const installation = this.#installation;
    const pollMs = pollSeconds * 1000;
    if (this.#probation) return this.#judge(this.#probation);
    if (record.record.hold) return this.#enter('held', pollMs, 'Updates are held: release them to go on.');
    this.#enter('checking');
    const found = await releases.find(device, { release: this.#desired?.release ?? null, channel }, signal);
    signal.throwIfAborted();
    this.#failures = 0;
    this.#state = { ...this.#state, desired: found?.path ?? null };
    const garbage = await installation.collectGarbage(found);
    if (!found || found.digest === installation.inUse?.digest) {
      return this.#enter('idle', garbage === undefined ? pollMs : Math.min(pollMs, RETRY_MS), garbage);
    }
    await installation.forgive(found, this.#desired?.retry ?? 0);
    const reason = installation.failure(found);
    if (reason !== undefined) return this.#enter('failed', pollMs, reason);
    return this.#update(found, signal, pollMs);
  }

  async #update(found: FoundRelease, signal: AbortSignal, pollMs: number): Promise<number> {
    const { blobs, transport, logger } = this.parts;
    const installation = this.#installation;
    this.#enter('downloading');
    const files = Object.values(found.release.files);
    await blobs.fetch(files, transport, signal, (bytes, totalBytes) => this.#progress(bytes, totalBytes));
    const { window = this.parts.window, fetchOnly } = this.#desired ?? {};
    if (fetchOnly) {
      await installation.keep(found);
      return this.#enter('waiting', pollMs, 'It is here, and waits for the word to switch.');
    }
    const closedMs = window ? untilOpen(window, new Date(this.#now())) : 0;
    if (closedMs > 0) return this.#enter('waiting', Math.min(closedMs, pollMs), `It switches from ${window?.from} on.`);
    this.#enter('staging');
    const slot = await installation.stage(found);
    this.#enter('testing');
    let candidate: Candidate;
    try {
      candidate = await installation.test(slot, found, signal);
    } catch (error) {
      const reason = installation.failure(found);
      if (reason === undefined) {
        // The repository answers each time; the waits grow all the same: building engines keeps the machine busy.
        if (!signal.aborted) this.#failures = this.#untested++;
        throw error;
      }
      logger.error({ err: error, release: found.path }, `${found.path} is not used: ${reason}`);
      return this.#enter('failed', pollMs, reason);
    }
    this.#untested = 0;
    if (signal.aborted) await candidate.close();
    signal.throwIfAborted();
    await installation.use(slot, found, candidate, this.#usual.baseline);
    this.#probation = this.#newProbation();
    logger.info(
      { release: found.path, modelId: candidate.modelId },
      `Switched to ${found.path}: it has to prove itself.`,
    );
    return this.#enter('probation', JUDGE_MS);
  }

  async #judge(probation: Probation): Promise<number> {
    const judgement = probation.judge(this.#elapsed());
    const release = this.#installation.inUse?.release ?? null;
    this.#state = { ...this.#state, desired: release };
    if (judgement.verdict === 'wait') {
      if (probation.staysUp(this.#elapsed())) await this.#forgetStarts();
      return this.#enter('probation', JUDGE_MS);
    }
    if (judgement.verdict === 'condemn') {
      await this.#goBack(judgement.reason);
      return 0;
    }
    await this.#installation.confirm(probation.usual.baseline);
    this.#usual = probation.usual;
    this.#probation = undefined;
    this.parts.logger.info({ release }, `${release} has proved itself.`);
    return 0;
  }

  /** The service stays up with the model on probation. Where the disk refuses, that is all that is lost. */
  async #forgetStarts(): Promise<void> {
    const { record, logger } = this.parts;
    const { probation } = record.record;
    if (!probation || probation.starts === 0) return;
    await record.writeAnyway({ probation: { ...probation, starts: 0 } }, (line) => logger.warn(`Update: ${line}`));
  }

  async #goBack(reason: string): Promise<void> {
    await this.#installation.goBack(reason, this.#stopping.signal);
    if (!this.#probation) this.#usual = new Usual();
    this.#probation = undefined;
    this.#enter('failed', 0, reason);
  }

  /** Of the model that the record says is in use, compared with what the record says of the one before. */
  #newProbation(): Probation {
    const { probation, record, host } = this.parts;
    const expected = { before: record.record.baseline, falseRejectRate: host.falseRejectRate };
    return new Probation(probation, expected, this.#elapsed());
  }

  /** One thing at a time changes the record. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #failed(error: unknown, step: AbortSignal): number {
    const { logger, pollSeconds } = this.parts;
    if (step.aborted) return 0;
    const { message } = error as Error;
    logger.warn({ err: error }, `Update: ${message}`);
    const waitMs = Math.min(RETRY_MS * 2 ** this.#failures++, pollSeconds * 1000) * (0.75 + Math.random() / 2);
    return this.#enter(this.#probation ? 'probation' : 'idle', waitMs, message);
  }

  #progress(bytes: number, totalBytes: number): void {
    const before = this.#state.progress;
    this.#state = { ...this.#state, progress: { bytes, totalBytes } };
    // A message for every twentieth part, not for every packet.
    const part = (each: number) => Math.floor((each / Math.max(1, totalBytes)) * 20);
    if (!before || part(before.bytes) !== part(bytes)) this.#publish();
  }

  /** @returns `waitMs`, so that a step can end with it */
  #enter(state: UpdateState, waitMs = 0, reason?: string): number {
    const { progress: _, reason: __, ...kept } = this.#state;
    const before = JSON.stringify(this.#state);
    this.#state = { ...kept, state, ...(reason === undefined ? {} : { reason }) };
    if (JSON.stringify(this.#state) !== before) {
      this.parts.logger.debug({ state, reason }, `Update: ${state}`);
      this.#publish();
    }
    return waitMs;
  }

  #publish(): void {
    this.parts.publish(this.message);
  }
}
