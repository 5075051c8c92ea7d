import { encodeModel } from '@beltsight/sdk/onnx';
import { frameShape, pictureGraph, pictureSize } from '@beltsight/sdk/preprocess';
import type { OrtApi } from '../score/ort/api.js';
import { OrtEnvironment, OrtSession } from '../score/ort/session.js';
import type { OrtTensor } from '../score/ort/tensor.js';
import { lookKey, type Picture } from './frame.js';

/** A picture as people see it: RGB24, rows without padding, cut to the region of interest and turned. Its memory is nobody else's. */
export interface RgbPicture extends Picture {
  readonly format: 'RGB24';
}

interface Conversion {
  readonly key: string;
  readonly session: OrtSession;
  readonly frame: OrtTensor;
  readonly pixels: OrtTensor;
}

/** Makes pictures for people of frames in any format, by the graph that shares its pixels with the model's. Runs on the processor. */
export class RgbConverter {
  readonly #environment: OrtEnvironment;
  /** For one camera, whose frames all look alike. */
  #conversion: Conversion | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(api: OrtApi) {
    this.#environment = OrtEnvironment.open(api);
  }

  /** @throws BeltsightError ARGUMENT_INVALID if size, stride or region do not fit the format */
  convert(picture: Picture): Promise<RgbPicture> {
    const result = this.#queue.then(() => this.#convert(picture));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#conversion?.session.close();
    this.#environment.close();
  }

  async #convert(picture: Picture): Promise<RgbPicture> {
    const { width, height } = pictureSize(picture);
    if (isPlain(picture)) return { format: 'RGB24', width, height, data: new Uint8Array(picture.data) };
    const { session, frame, pixels } = await this.#open(picture);
    frame.data?.set(picture.data);
    await session.run();
    return { format: 'RGB24', width, height, data: Uint8Array.from(pixels.data ?? []) };
  }

  async #open(picture: Picture): Promise<Conversion> {
    const key = lookKey(picture);
    if (this.#conversion?.key === key) return this.#conversion;
    await this.#conversion?.session.close();
    this.#conversion = undefined;
    const session = await OrtSession.open(this.#environment, encodeModel(pictureGraph(picture)), { threads: 1 });
    const { width, height } = pictureSize(picture);
    const frame = session.hostTensor('uint8', frameShape(picture));
    const pixels = session.hostTensor('uint8', [height, width, 3]);
    session.bindInput('frame', frame);
    session.bindOutput('pixels', pixels);
    this.#conversion = { key, session, frame, pixels };
    return this.#conversion;
  }
}

function isPlain(picture: Picture): boolean {
  const { format, width, stride, roi, orientation } = picture;
  const upright = orientation === undefined || (orientation.rotate === 0 && !orientation.mirror);
  return format === 'RGB24' && (stride ?? width * 3) === width * 3 && roi === undefined && upright;
}
