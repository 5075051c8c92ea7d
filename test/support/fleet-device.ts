import {
  connectMqtt,
  type DeviceAddress,
  desiredSchema,
  type ResultMessage,
  type StatusMessage,
  topicsOf,
  type UpdateStateMessage,
} from '@beltsight/sdk';
import { type DeviceOptions, startDevice } from '../update/device.js';

export interface FleetDeviceOptions extends DeviceOptions {
  readonly address: DeviceAddress;
  readonly broker: string;
  /** What it inspects while on probation; default: good products. */
  readonly sees?: Partial<ResultMessage>;
  /** How many products it inspects at once, and how often; default: 25, once. */
  readonly belt?: { readonly products: number; readonly everyMs: number };
  readonly heard?: (state: UpdateStateMessage) => void;
}

/** A device of which nothing but the updating half and its connection are there: it inspects while a model is on probation. */
export async function startFleetDevice(options: FleetDeviceOptions) {
  const { address, broker, sees, belt = { products: 25, everyMs: 1000 }, heard } = options;
  const topics = topicsOf(address);
  const status = (state: 'online' | 'offline'): string =>
    JSON.stringify({
      schema: 'beltsight.status/1',
      state,
      at: new Date().toISOString(),
      device: address,
      cameras: [],
    } satisfies StatusMessage);
  const will = { topic: topics.status, payload: Buffer.from(status('offline')), qos: 1, retain: true } as const;
  const client = await connectMqtt(broker, { will });
  let state: UpdateStateMessage['state'] = 'idle';
  const publish = (report: UpdateStateMessage) => {
    state = report.state;
    client.publish(topics.updateState, JSON.stringify(report), { qos: 1, retain: true });
    heard?.(report);
  };
  const device = await startDevice({ ...options, parts: { device: address, publish, ...options.parts } });
  client.on('message', (_, payload) => {
    const desired = desiredSchema.safeParse(payload.length > 0 ? JSON.parse(payload.toString()) : undefined);
    device.updater.desire(desired.data);
  });
  await client.subscribeAsync(topics.updateDesired, { qos: 1 });
  await client.publishAsync(topics.status, status('online'), { qos: 1, retain: true });
  const inspecting = setInterval(() => {
    if (state === 'probation') device.inspect(belt.products, sees);
  }, belt.everyMs);
  let gone = false;
  const stop = async () => {
    gone = true;
    clearInterval(inspecting);
    await device.close();
  };
  return {
    ...device,
    client,
    /** Says goodbye, where it has not vanished. */
    async close() {
      if (gone) return;
      await stop();
      await client.publishAsync(topics.status, status('offline'), { qos: 1, retain: true });
      await client.endAsync();
    },
    /** Is gone without a word. */
    async vanish() {
      await stop();
      client.stream.destroy();
      client.end(true);
    },
  };
}
