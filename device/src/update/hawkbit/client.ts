import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredMessage, DeviceAddress, UpdateStateMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { SOFTWARE } from '../../service/software.js';
import { Action, rolloutOf } from './action.js';
import {
  cancelActionSchema,
  configDataBody,
  confirmationBody,
  controllerBaseSchema,
  type DeploymentBase,
  deploymentBaseSchema,
  type Feedback,
  feedbackBody,
  type Links,
} from './ddi.js';
import { intervalMs, retryMs } from './pace.js';
import { hasSwitched, mayStillSwitch } from './progress.js';
import { releaseOf } from './release.js';
import type { HawkbitOptions } from './schema.js';
import { HawkbitError, HawkbitServer, type Session } from './server.js';

export interface HawkbitParts {
  readonly options: HawkbitOptions;
  readonly device: DeviceAddress;
  /** Tells the updater what hawkBit wants; undefined: hawkBit has no say yet. */
  readonly desire: (desired: DesiredMessage | undefined) => void;
  readonly logger: Logger;
  /** What else hawkBit may know of this device, such as its provider. */
  readonly attributes?: Readonly<Record<string, string>>;
}

const WHOLE_DAY = { from: '00:00', to: '00:00' };
/** After something has ended, the next may be there. */
const PROMPT_MS = 1000;

/**
 * Asks Eclipse hawkBit which release this device shall run (Direct Device Integration API, version 1), and reports how it goes. hawkBit only chooses: what it
 * names is taken from the repository, and verified, as always. Nothing is kept on disk: after a restart hawkBit has the open action, and
 * the updater how it stands. It never throws: while hawkBit is away the device keeps what was chosen last.
 */
export class HawkbitClient {
  readonly #stopping = new AbortController();
  readonly #server: HawkbitServer;
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #last: UpdateStateMessage | undefined;
  /** What the updater was told; null: nothing since it began, it goes by what it was told before. */
  #wanted: DesiredMessage | undefined | null = null;
  #action: Action | undefined;
  /** The finished action by which hawkBit knows what is installed. */
  #installed: { readonly href: string; readonly desired: DesiredMessage | undefined } | undefined;
  /** An action is to be cancelled, and the updater may still be about to switch. */
  #cancelling = false;
  /** What ended, and made it ask again at once. */
  #prompted: string | undefined;
  #failures = 0;
  #complaint: string | undefined;

  constructor(private readonly parts: HawkbitParts) {
    const { options, device } = parts;
    const id = options.controllerId ?? `${device.site}.${device.line}.${device.device}`;
    this.#server = new HawkbitServer(options, id);
  }

  /** Hears every state of the updater. */
  state(message: UpdateStateMessage): void {
    this.#last = message;
    // Where hawkBit does not answer, news wait for the next attempt.
    if (this.#failures === 0 && (this.#cancelling || this.#news())) this.#wake.abort();
  }

  /** Asks now. */
  check(): void {
    this.#failures = 0;
    this.#wake.abort();
  }

  /** Runs until `close`. */
  async run(): Promise<void> {
    this.#running = this.#ask();
    await this.#running;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Whoever wakes it while it asks makes it ask once more.
      this.#wake = new AbortController();
      const waitMs = await this.#server
        .session(signal, (session) => this.#round(session))
        .catch((error: unknown) => this.#failed(error));
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(waitMs, undefined, { signal: woken, ref: false }).catch(() => undefined);
    }
  }

  /** One look; how long to wait before the next, in milliseconds. */
  async #round(session: Session): Promise<number> {
    const { _links: links, config } = await session.root(controllerBaseSchema);
    const ended = await this.#act(session, links);
    if (links.configData) {
      const body = configDataBody(this.#attributes());
      await this.#offer(session.send('PUT', links.configData.href, '', body));
    }
    this.#answered();
    // A server that offers again what has ended is asked no more often for it.
    const prompt = ended !== undefined && ended !== this.#prompted;
    this.#prompted = ended ?? this.#prompted;
    return prompt ? PROMPT_MS : intervalMs(config?.polling?.sleep);
  }

  /** @returns a name for what has ended */
  async #act(session: Session, links: Links): Promise<string | undefined> {
    if (links.cancelAction) return this.#cancel(session, links.cancelAction.href, links);
    if (links.deploymentBase) return this.#deploy(session, links.deploymentBase.href, links);
    this.#action = undefined;
    this.#cancelling = false;
    await this.#keep(session, links);
    return links.confirmationBase && this.#confirm(session, links.confirmationBase.href);
  }

  async #deploy(session: Session, href: string, links: Links): Promise<string | undefined> {
    const base = await session.get(deploymentBaseSchema, href);
    if (!base) return undefined;
    const { id, deployment } = base;
    const chosen = releaseOf(deployment.chunks);
    const release = 'release' in chosen ? chosen.release : undefined;
    if (this.#action?.id !== id || this.#action.release !== release) {
      this.#action = new Action(id, chosen);
    }
    this.#cancelling = false;
    if (release === undefined || deployment.download === 'skip') await this.#keep(session, links);
    else this.#desire(this.#desired(base, release));
    const news = this.#news();
    return news && this.#tell(session, href, this.#action, news);
  }

  #news(): Feedback | undefined {
    const action = this.#action;
    return action?.news(this.#wanted?.release === action.release, this.#last);
  }

  async #tell(session: Session, href: string, action: Action, feedback: Feedback): Promise<string | undefined> {
    const closing = feedback.execution === 'closed';
    const { id } = action;
    const sent = session.send('POST', href, '/feedback', feedbackBody(id, feedback, Date.now()));
    const taken = await (closing ? sent : this.#offer(sent));
    action.told(feedback);
    if (taken && !closing) return undefined;
    const how = taken ? `ends in ${feedback.finished}: ${feedback.detail}` : 'is not open any more.';
    this.parts.logger.info({ action: id }, `hawkBit: action ${id} ${how}`);
    this.#action = undefined;
    return `deployment ${id}`;
  }

  async #cancel(session: Session, href: string, links: Links): Promise<string | undefined> {
    const cancel = await session.get(cancelActionSchema, href);
    if (!cancel) return undefined;
    const { stopId } = cancel.cancelAction;
    const release = this.#action?.id === stopId ? this.#action.release : undefined;
    const answer = async (execution: 'closed' | 'rejected', detail: string) => {
      const finished = execution === 'closed' ? 'success' : 'none';
      const feedback = feedbackBody(stopId, { execution, finished, detail }, Date.now());
      await session.send('POST', href, '/feedback', feedback);
      this.#cancelling = false;
      this.parts.logger.info({ action: stopId }, `hawkBit: action ${stopId} is to be cancelled. ${detail}`);
      return `cancellation ${stopId}`;
    };
    if (this.#last && hasSwitched(release, this.#last)) {
      return answer('rejected', 'The device has switched already: assign another release, or roll back on the device.');
    }
    await this.#keep(session, links);
    // If it may, the next state tells whether it did.
    this.#cancelling = this.#last === undefined || mayStillSwitch(release, this.#last);
    if (this.#cancelling) return undefined;
    this.#action = undefined;
    return answer('closed', 'The device goes on with what it had.');
  }

  /** Who holds updates does not confirm them either. */
  async #confirm(session: Session, href: string): Promise<string | undefined> {
    if (this.#last?.state === 'held') return undefined;
    await session.send('POST', href, '/feedback', confirmationBody('The device confirms by itself.'));
    return `confirmation ${href}`;
  }

  /** What hawkBit knows as installed stays; where it knows nothing, what runs. */
  async #keep(session: Session, { installedBase }: Links): Promise<void> {
    if (installedBase && installedBase.href !== this.#installed?.href) {
      const base = await session.get(deploymentBaseSchema, installedBase.href);
      const chosen = base && releaseOf(base.deployment.chunks);
      const desired = base && chosen && 'release' in chosen ? this.#desired(base, chosen.release) : undefined;
      this.#installed = { href: installedBase.href, desired };
    }
    this.#desire((installedBase && this.#installed?.desired) ?? this.#present());
  }

  /** What hawkBit may dislike (too many messages, too many attributes) keeps nobody from updating. */
  async #offer(sent: Promise<boolean>): Promise<boolean> {
    try {
      return await sent;
    } catch (error) {
      const status = error instanceof HawkbitError ? error.answer.status : undefined;
      if (status !== 400 && status !== 403) throw error;
      this.parts.logger.debug({ err: error }, (error as Error).message);
      return true;
    }
  }

  #desired({ id, deployment }: DeploymentBase, release: string): DesiredMessage {
    const { update, maintenanceWindow } = deployment;
    return {
      schema: 'beltsight.desired/1',
      release,
      // Numbers of actions rise: a new one is the word to try again what has failed.
      retry: id,
      rollout: { id: rolloutOf(id), wave: 0 },
      ...(update === 'skip' || maintenanceWindow === 'unavailable' ? { fetchOnly: true } : {}),
      // What is forced does not wait for the device's own time of day.
      ...(update === 'forced' ? { window: WHOLE_DAY } : {}),
    };
  }

  /** What runs; undefined with the bundle that the device was installed with. */
  #present(): DesiredMessage | undefined {
    const release = this.#last?.running.release;
    return release ? { schema: 'beltsight.desired/1', release, retry: 0 } : undefined;
  }

  #desire(desired: DesiredMessage | undefined): void {
    if (JSON.stringify(desired) === JSON.stringify(this.#wanted)) return;
    this.#wanted = desired;
    this.parts.desire(desired);
  }

  #attributes(): Record<string, string> {
    return {
      'beltsight.version': SOFTWARE.version,
      ...(this.#last ? { 'beltsight.model': this.#last.running.modelId } : {}),
      ...this.parts.attributes,
    };
  }

  #answered(): void {
    this.#failures = 0;
    if (this.#complaint !== undefined) this.parts.logger.info(`hawkBit at ${this.#server.name} answers again.`);
    this.#complaint = undefined;
  }

  #failed(error: unknown): number {
    if (this.#stopping.signal.aborted) return 0;
    const { message } = error as Error;
    if (message !== this.#complaint) this.parts.logger.warn({ err: error }, message);
    this.#complaint = message;
    return retryMs(this.#failures++, error);
  }
}
