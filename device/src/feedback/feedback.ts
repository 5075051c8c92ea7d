import { join } from 'node:path';
import {
  BeltsightError,
  type CommandArguments,
  type CommandValue,
  type FeedbackStatus,
  isClassName,
  type ResultMessage,
} from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { Frame } from '../camera/frame.js';
import type { DeviceConfig } from '../config/schema.js';
import { loadRuntime } from '../score/ort/library.js';
import type { Inspection } from '../score/scorer.js';
import { KeptFrames } from './frames.js';
import { FrameKeeper } from './keeper.js';
import { imageOf } from './record.js';
import { InboxSender } from './sender.js';

/** Keeps frames of products that did not pass, has people mark false alarms among them, and sends those to the trainer's inbox. */
export class Feedback {
  readonly #stop = new AbortController();
  readonly #sending: Promise<void> | undefined;

  private constructor(
    private readonly enabled: boolean,
    private readonly frames: KeptFrames,
    private readonly keeper: FrameKeeper,
    private readonly sender: InboxSender | undefined,
  ) {
    this.#sending = sender?.run(this.#stop.signal);
  }

  /** Goes on with what is on the disk. A disk that cannot be read or written does not keep it from opening. */
  static async open(config: DeviceConfig, logger: Logger): Promise<Feedback> {
    const { site, line, device, state, feedback, runtime } = config;
    const about = { site, line, device };
    const frames = await KeptFrames.open({
      folder: join(state, 'rejects'),
      marked: join(state, 'feedback'),
      keep: feedback.keep,
      quotaBytes: feedback.quotaMegabytes * 2 ** 20,
      reserveBytes: feedback.reserveMegabytes * 2 ** 20,
      about,
      logger,
    });
    const keeper = new FrameKeeper({ frames, config: feedback, api: () => loadRuntime(runtime.library), logger });
    const sender = feedback.inbox && new InboxSender({ frames, inbox: feedback.inbox, about, logger });
    return new Feedback(feedback.keep > 0, frames, keeper, sender);
  }

  get status(): FeedbackStatus {
    const { skipped, fault = this.sender?.fault } = this.keeper.status;
    return { ...this.frames.figures, skipped, ...(fault === undefined ? {} : { fault }) };
  }

  /**
   * Copies a frame that did not pass, while its camera leaves it alone. Returns at once.
   * @returns what takes its result, where it is kept
   */
  keep(frame: Frame, { verdict }: Pick<Inspection, 'verdict'>): ((result: ResultMessage) => void) | undefined {
    return this.enabled && verdict !== 'pass' ? this.keeper.copy(frame) : undefined;
  }

  /**
   * Marks a result as a false alarm: its frame becomes a good image. Marking again changes nothing.
   * @throws BeltsightError COMMAND_REFUSED if there is no such frame, ARGUMENT_INVALID if nobody says which product it is of, IO_FAILED
   */
  async mark(args: CommandArguments<'feedback'>): Promise<CommandValue<'feedback'>> {
    const { camera, result: id, judgement, by } = args;
    // It may be about to be written.
    if (!this.frames.find(id)) await this.keeper.settled();
    const found = this.frames.find(id);
    if (found?.result.camera !== camera) {
      const message = `result: no frame of result ${id} of camera "${camera}" is kept. Those of the last products that did not pass are; feedback.keep and feedback.perSecond say how many.`;
      throw new BeltsightError('COMMAND_REFUSED', message);
    }
    const className = found.mark?.class ?? folderOf(args.class ?? found.result.class.name);
    const at = new Date().toISOString();
    const mark = { judgement, class: className, ...(by === undefined ? {} : { by }), at };
    const marked = await this.frames.mark(id, mark);
    if (!marked) throw new BeltsightError('COMMAND_REFUSED', `result: the frame of result ${id} has just made room.`);
    this.sender?.wake();
    const { record, isNew } = marked;
    return { camera, result: id, class: record.mark?.class ?? className, file: imageOf(record), new: isNew };
  }

  /** Writes what was copied; what is not sent is sent after the next start. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
    await this.keeper.close();
  }
}

/** The folder of a product class: of "<data set>/<class>", as models of several data sets have them, the class. */
function folderOf(name: string | null): string {
  if (name === null) {
    const message = 'class: the model did not recognise this product: say which class it is of.';
    throw new BeltsightError('ARGUMENT_INVALID', message);
  }
  const folder = name.slice(name.lastIndexOf('/') + 1);
  if (isClassName(folder)) return folder;
  throw new BeltsightError('ARGUMENT_INVALID', `class: "${name}" cannot name a folder.`);
}
