import {
  type AlarmMessage,
  alarmSchema,
  commandArguments,
  commandSchema,
  connectMqtt,
  type DeviceAddress,
  encodeHeatmap,
  parseTopic,
  type ReplyMessage,
  type ResultMessage,
  replySchema,
  resultSchema,
  type StatusMessage,
  statusSchema,
  tagJpeg,
  topicsOf,
  type Verdict,
} from '@beltsight/sdk';
import sharp from 'sharp';
import type { Product } from '../../examples/generate/product.js';
import { drawSpecimen, products } from '../../examples/generate/specimen.js';

const THRESHOLD = 0.913;
const SIDE = 224;

/** What a camera sees, and what a model would make of it. */
export interface Sight {
  readonly product: string;
  readonly jpeg: Uint8Array;
  /** 0..1, [size, size]. */
  readonly defect: Float32Array;
  readonly size: number;
}

/** A drawn product under a camera; with a defect whose mask, blurred, is the heatmap. */
export async function sightOf(name: string, seed: number, defective: boolean): Promise<Sight> {
  const product = products.find((each) => each.name === name) as Product;
  const { pixels, mask } = drawSpecimen(
    product,
    SIDE,
    seed,
    defective ? product.defects[seed % product.defects.length] : undefined,
  );
  const raw = (data: Uint8Array, channels: 1 | 3) => sharp(data, { raw: { width: SIDE, height: SIDE, channels } });
  const size = SIDE / 2;
  const blurred = await raw(mask, 1).resize(size, size).blur(4).toColourspace('b-w').raw().toBuffer();
  const brightest = blurred.reduce((most, value) => Math.max(most, value), 0);
  return {
    product: name,
    jpeg: await raw(pixels, 3).jpeg({ quality: 80 }).toBuffer(),
    defect: Float32Array.from(blurred, (value) => value / Math.max(1, brightest)),
    size,
  };
}

export interface InspectOptions {
  /** Publishes frame and heatmap, too. */
  readonly sight?: Sight;
  readonly score?: number;
  /** When the frame was captured; default: now. */
  readonly capturedAt?: Date;
  readonly source?: string;
}

/** A device on MQTT that says what a test tells it to, in messages of the SDK, acknowledges alarms, and takes judgements. */
export class ScreenDevice {
  readonly #topics;
  readonly #alarms = new Map<string, AlarmMessage>();
  #sequence = 0;
  /** What it was asked: the command's arguments. */
  readonly asked: unknown[] = [];
  /** What it answers; undefined: nothing. */
  answer: ((camera: string) => Pick<ReplyMessage, 'ok' | 'error'>) | undefined = () => ({ ok: true });

  private constructor(
    private readonly client: Awaited<ReturnType<typeof connectMqtt>>,
    private readonly address: DeviceAddress,
    private readonly cameras: readonly string[],
  ) {
    this.#topics = topicsOf(address);
    client.on('message', (topic, payload) => void this.#reply(topic, payload));
  }

  static async start(url: string, address: DeviceAddress, cameras: readonly string[]): Promise<ScreenDevice> {
    const client = await connectMqtt(url, { reconnectPeriod: 100 });
    const device = new ScreenDevice(client, address, cameras);
    for (const name of ['acknowledge', 'feedback'])
      await client.subscribeAsync(topicsOf(address).command(name), { qos: 1 });
    await device.status();
    return device;
  }

  async status(change: Partial<StatusMessage> = {}): Promise<void> {
    const status = statusSchema.parse({
      schema: 'beltsight.status/1',
      state: 'online',
      at: new Date().toISOString(),
      device: this.address,
      software: { name: '@beltsight/device', version: '0.1.0' },
      model: { id: 'a0d9f4b8b5cf31fc', classes: ['biscuit', 'cap', 'gear'] },
      provider: 'cpu',
      rejectedProviders: [{ provider: 'cuda', reason: 'no CUDA device' }],
      cameras: this.cameras.map((name) => {
        return { name, state: 'running', frames: 5012, dropped: 12, failures: 0, inspected: 5000, rateHz: 3.98 };
      }),
      ...change,
    });
    await this.#publish(this.#topics.status, status, true);
  }

  async inspect(camera: string, verdict: Verdict, options: InspectOptions = {}): Promise<ResultMessage> {
    const { sight, capturedAt = new Date() } = options;
    const ratio = { pass: 0.62, reject: 1.62, unknown: 1.2 }[verdict] + Math.sin(this.#sequence * 7.3) * 0.2;
    const id = uuidv7(this.#sequence);
    const unknown = verdict === 'unknown';
    const result = resultSchema.parse({
      schema: 'beltsight.result/1',
      id,
      camera,
      frame: {
        sequence: this.#sequence++,
        capturedAt: capturedAt.toISOString(),
        ...(options.source === undefined ? {} : { source: options.source }),
      },
      verdict,
      score: options.score ?? THRESHOLD * ratio,
      threshold: unknown ? null : THRESHOLD,
      pValue: unknown ? null : 0.05,
      class: { name: unknown ? null : (sight?.product ?? 'cap'), source: 'recognised', distance: unknown ? 0.7 : 0.03 },
      modelId: 'a0d9f4b8b5cf31fc',
      latencyMs: 41,
    });
    if (sight) await this.#pictures(camera, result, sight);
    await this.#publish(this.#topics.result(camera), result);
    return result;
  }

  async raise(camera: string): Promise<void> {
    const now = new Date().toISOString();
    await this.#alarm({
      schema: 'beltsight.alarm/1',
      id: crypto.randomUUID(),
      camera,
      kind: 'reject-rate',
      state: 'raised',
      since: now,
      at: now,
      value: 0.214,
      limit: 0.081,
      message: 'Too many rejects: look at mould and lamp.',
    });
  }

  async clear(camera: string): Promise<void> {
    const alarm = this.#alarms.get(camera);
    if (alarm) await this.#alarm({ ...alarm, state: 'cleared' });
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  async #pictures(camera: string, { id, verdict, score }: ResultMessage, { jpeg, defect, size }: Sight): Promise<void> {
    const high = 2 * THRESHOLD;
    const values = defect.map((share) => share * Math.max(score, THRESHOLD * 1.2));
    const heatmap = encodeHeatmap({ width: size, height: size, values }, { id, low: 0, high, threshold: THRESHOLD });
    await this.client.publishAsync(this.#topics.frame(camera), Buffer.from(tagJpeg(jpeg, id)), { qos: 0 });
    if (verdict !== 'pass')
      await this.client.publishAsync(this.#topics.heatmap(camera), Buffer.from(heatmap), { qos: 0 });
  }

  async #alarm(alarm: AlarmMessage): Promise<void> {
    this.#alarms.set(alarm.camera, alarmSchema.parse(alarm));
    await this.#publish(this.#topics.alarm(alarm.camera), alarm, true);
  }

  async #reply(topic: string, payload: Uint8Array): Promise<void> {
    const { id, args } = commandSchema.parse(JSON.parse(Buffer.from(payload).toString()));
    const command = parseTopic(topic)?.name;
    const asked = commandArguments[command === 'feedback' ? 'feedback' : 'acknowledge'].parse(args);
    const { camera, by } = asked;
    this.asked.push(asked);
    if (!this.answer) return;
    const at = new Date().toISOString();
    const judged = 'result' in asked && {
      ...asked,
      class: asked.class ?? 'cap',
      file: `${asked.result}.png`,
      new: true,
    };
    const answer = this.answer(camera);
    const reply = replySchema.parse({
      schema: 'beltsight.reply/1',
      id,
      command,
      at,
      latencyMs: 1,
      value: judged || {},
      ...answer,
    });
    await this.#publish(this.#topics.reply(id), reply);
    const alarm = this.#alarms.get(camera);
    if (answer.ok && alarm && 'alarm' in asked && asked.alarm === alarm.id) {
      await this.#alarm({ ...alarm, state: 'acknowledged', at, ...(by === undefined ? {} : { acknowledgedBy: by }) });
    }
  }

  async #publish(topic: string, message: object, retain = false): Promise<void> {
    await this.client.publishAsync(topic, JSON.stringify(message), { qos: 1, retain });
  }
}

/** A UUIDv7 of now that counts up within the millisecond (RFC 9562, section 6.2). */
function uuidv7(sequence: number): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const count = (sequence % 4096).toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${crypto.randomUUID().slice(19)}`;
}
