import { BeltsightError } from '@beltsight/sdk';
import { encodeModel } from '@beltsight/sdk/onnx';
import { frameShape, preprocessGraph } from '@beltsight/sdk/preprocess';
import { lookKey, type Picture } from '../camera/frame.js';
import { type OrtEnvironment, OrtSession, type SessionOptions } from './ort/session.js';
import type { OrtTensor } from './ort/tensor.js';

/** Sessions kept open: one for each way a frame can look. */
const MAX_OPEN = 4;

/** Brings frames of any size to the model's input, by the same graph that the trainer's images went through. */
export class Preprocessor {
  readonly #sessions = new Map<string, Promise<{ session: OrtSession; frame: OrtTensor }>>();

  constructor(
    private readonly environment: OrtEnvironment,
    private readonly size: number,
    /** Where the results go: the model's input `image`. */
    private readonly image: OrtTensor,
    private readonly options: SessionOptions,
  ) {}

  /** Fills the model's input from a picture. Calls must not overlap. */
  async fill(picture: Picture): Promise<void> {
    const { format, width, height, data } = picture;
    const [rows, stride] = frameShape(picture);
    if (data.length !== rows * stride) {
      throw new BeltsightError(
        'ARGUMENT_INVALID',
        `A ${width}x${height} ${format} picture needs ${rows * stride} bytes of pixels, not ${data.length}.`,
      );
    }
    const { session, frame } = await this.#open(picture);
    frame.data?.set(data);
    await session.run();
  }

  async close(): Promise<void> {
    for (const opened of this.#sessions.values()) await this.#end(opened);
    this.#sessions.clear();
  }

  async #open(picture: Picture) {
    const key = lookKey(picture);
    const known = this.#sessions.get(key);
    if (known) {
      // Inserted again: the first key is the one not used for longest.
      this.#sessions.delete(key);
      this.#sessions.set(key, known);
      return known;
    }
    const [oldest] = this.#sessions;
    if (oldest && this.#sessions.size >= MAX_OPEN) {
      this.#sessions.delete(oldest[0]);
      await this.#end(oldest[1]);
    }
    const opened = this.#create(picture);
    this.#sessions.set(key, opened);
    opened.catch(() => this.#sessions.delete(key));
    return opened;
  }

  async #create(picture: Picture) {
    const graph = preprocessGraph({ ...picture, size: this.size });
    const session = await OrtSession.open(this.environment, encodeModel(graph), this.options);
    const frame = session.hostTensor('uint8', frameShape(picture));
    session.bindInput('frame', frame);
    // The other output, 8-bit pixels, is the trainer's: not asked for, not computed.
    session.bindOutput('image', this.image);
    return { session, frame };
  }

  async #end(opened: Promise<{ session: OrtSession }>): Promise<void> {
    await opened.then(
      ({ session }) => session.close(),
      () => undefined,
    );
  }
}
