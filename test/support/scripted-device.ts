import {
  alarmSchema,
  type CommandMessage,
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
  topicsOf,
} from '@beltsight/sdk';
import { v7 } from 'uuid';

export const SCRIPTED = { site: 'plant1', line: 'line1', device: 'jetson7' } as const;

/** What it was asked: the command's name and arguments, checked by the schemas. */
export interface Asked {
  readonly name: string;
  readonly args: Record<string, unknown>;
}

/** A device that says on MQTT what a test tells it to; every message passes the SDK's schema first. */
export interface ScriptedDevice {
  readonly asked: readonly Asked[];
  status(change?: Partial<StatusMessage>): Promise<void>;
  /** Publishes a result, `times` times over as QoS 1 may, and gives its id. */
  result(change?: Partial<ResultMessage>, times?: number): Promise<ResultMessage>;
  /** Publishes a heatmap of 4x4 pixels for a result. */
  heatmap(id: string): Promise<void>;
  alarm(state: 'raised' | 'acknowledged' | 'cleared', id: string): Promise<void>;
  publish(topic: string, payload: string, retain?: boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startScriptedDevice(url: string, address: DeviceAddress = SCRIPTED): Promise<ScriptedDevice> {
  const topics = topicsOf(address);
  const client = await connectMqtt(url);
  const asked: Asked[] = [];
  const say = async <T>(topic: string, schema: { parse(message: unknown): T }, message: T, retain = false) => {
    await client.publishAsync(topic, JSON.stringify(schema.parse(message)), { qos: 1, retain });
  };
  client.on('message', (topic, payload) => {
    const { name = '' } = parseTopic(topic) ?? {};
    const command = commandSchema.parse(JSON.parse(payload.toString()));
    const args = commandArguments[name as keyof typeof commandArguments].parse(command.args);
    asked.push({ name, args });
    void say(topics.reply(command.id), replySchema, replyTo(name, command));
  });
  await client.subscribeAsync(`${topics.root}/command/+`, { qos: 1 });
  return {
    asked,
    status: (change = {}) => say(topics.status, statusSchema, { ...online(address), ...change }, true),
    async result(change = {}, times = 1) {
      const result = { ...rejected(), ...change };
      for (let i = 0; i < times; i++) await say(topics.result(result.camera), resultSchema, result);
      return result;
    },
    async heatmap(id) {
      const map = { width: 4, height: 4, values: Float32Array.from({ length: 16 }, (_, i) => i / 8) };
      const png = encodeHeatmap(map, { id, low: 0, high: 2, threshold: 1 });
      await client.publishAsync(topics.heatmap('belt'), Buffer.from(png), { qos: 0 });
    },
    alarm: (state, id) =>
      say(
        topics.alarm('belt'),
        alarmSchema,
        {
          ...{ schema: 'beltsight.alarm/1', id, camera: 'belt', kind: 'reject-rate', state },
          ...{ since: now(), at: now(), value: 0.2, limit: 0.1, message: 'Too many rejects: look at the mould.' },
        },
        true,
      ),
    async publish(topic, payload, retain = false) {
      await client.publishAsync(topic, payload, { qos: 1, retain });
    },
    close: () => client.endAsync(true),
  };
}

const now = () => new Date().toISOString();

/** The status of a scripted device when all is well. */
export function online(address: DeviceAddress): StatusMessage {
  return {
    schema: 'beltsight.status/1',
    state: 'online',
    at: now(),
    device: address,
    software: { name: '@beltsight/device', version: '0.1.0' },
    model: { id: 'a0d9f4b8b5cf31fc', classes: ['biscuit', 'cap'] },
    provider: 'cpu',
    cameras: [{ name: 'belt', state: 'running', frames: 12, dropped: 2, failures: 0, inspected: 10, rateHz: 3.5 }],
  };
}

function rejected(): ResultMessage {
  return {
    schema: 'beltsight.result/1',
    id: v7(),
    camera: 'belt',
    frame: { sequence: 7, capturedAt: now() },
    verdict: 'reject',
    score: 1.5,
    threshold: 0.9,
    pValue: 0.05,
    class: { name: 'cap', source: 'recognised', distance: 0.03 },
    modelId: 'a0d9f4b8b5cf31fc',
    latencyMs: 41,
  };
}

/** A trigger gives a result; recipes other than cap and null are refused. */
function replyTo(name: string, { id, args }: CommandMessage): ReplyMessage {
  const refused = name === 'recipe' && args.class !== 'cap' && args.class !== null;
  const common = { schema: 'beltsight.reply/1', id, command: name, at: now(), latencyMs: 3 } as const;
  // As devices do: a trigger gives its result, a recipe what holds now.
  if (!refused) return { ...common, ok: true, value: name === 'trigger' ? rejected() : args };
  const message = `The model has no class "${args.class}": name one of biscuit, cap.`;
  return { ...common, ok: false, error: { code: 'ARGUMENT_INVALID', message } };
}
