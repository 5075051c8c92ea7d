import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReplyMessage } from '@beltsight/sdk';
import type { IPublishPacket } from 'mqtt-packet';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { CHECKS } from '../../../test/support/sparkplug/checks/all.js';
import { judge } from '../../../test/support/sparkplug/checks/check.js';
import { gather } from '../../../test/support/sparkplug/evidence.js';
import { TestHost } from '../../../test/support/sparkplug/host.js';
import { cameraStatus, result, status } from '../../../test/support/sparkplug/messages.js';
import { openTap, type Seen } from '../../../test/support/sparkplug/tap.js';
import type { CommandRunner } from '../command/runner.js';
import { deviceConfigSchema } from '../config/schema.js';
import type { ServiceObserver } from '../service/observer.js';
import { sparkplugObservers } from './observer.js';
import { decodePayload, encodePayload, type Metric, type Payload } from './payload/codec.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const GROUP = 's-l';
const NODE = 'd';
const CAMERAS = ['belt', 'chute'];

/** A broker, a tap before it, and an observer that connects through the tap. */
async function setUp(sparkplug: object = {}) {
  const broker = await startEmbeddedBroker();
  const tap = await openTap(broker.port);
  const state = await mkdtemp(join(tmpdir(), 'beltsight-sparkplug-'));
  const ran: { name: string; args: unknown }[] = [];
  const commands: CommandRunner = {
    run: async (name, args, { id }): Promise<ReplyMessage> => {
      ran.push({ name, args });
      const refused = name === 'collect';
      return {
        schema: 'beltsight.reply/1',
        id,
        command: name,
        at: new Date().toISOString(),
        ok: !refused,
        ...(refused ? { error: { code: 'COMMAND_REFUSED', message: 'Not now.' } } : {}),
        latencyMs: 3,
      };
    },
  };
  const config = deviceConfigSchema.parse({
    site: 's',
    line: 'l',
    device: 'd',
    bundle: 'bundle',
    state,
    broker: { url: `mqtt://127.0.0.1:${tap.port}` },
    cameras: CAMERAS.map((name) => ({ name, source: { type: 'test' } })),
    sparkplug: { rebirthSeconds: 0.2, ...sparkplug },
  });
  const open = async () => {
    const [observer] = await sparkplugObservers({ config, logger: pino({ level: 'silent' }), commands });
    return observer as ServiceObserver;
  };
  closers.push(async () => {
    await tap.close();
    await broker.close();
    await rm(state, { recursive: true });
  });
  return { url: broker.url, tap, open, ran };
}

const both = (change = {}) => status(CAMERAS.map((name) => cameraStatus(name, change)));

async function hostOn(url: string, id = 'scada', online = true) {
  const host = await TestHost.connect(url, { id, group: GROUP, node: NODE, online });
  closers.push(() => host.close());
  return host;
}

const ABOUT = { group: GROUP, node: NODE, devices: CAMERAS, primaryHost: 'scada' };

/** Changes what was sent, or leaves it out, by kind of message. */
const sent = (kind: string, change: (packet: IPublishPacket) => IPublishPacket | undefined) => (seen: Seen) => {
  const { packet, way } = seen;
  if (way !== 'out' || packet.cmd !== 'publish' || packet.topic.split('/')[2] !== kind) return seen;
  const changed = change(packet);
  return changed && { ...seen, packet: changed };
};
const rewritten = (change: (payload: Payload) => Payload) => (packet: IPublishPacket) => ({
  ...packet,
  payload: Buffer.from(encodePayload(change(decodePayload(packet.payload as Buffer) as Payload))),
});
const metrics = (change: (metric: Metric) => Metric) =>
  rewritten((payload) => ({ ...payload, metrics: payload.metrics.map(change) }));

/** Faults that a host must find, with the checks that find them. */
const FAKES: readonly (readonly [string, (seen: Seen) => Seen | undefined, readonly string[]])[] = [
  ['no NBIRTH', sent('NBIRTH', () => undefined), ['the first message of a session is its NBIRTH']],
  [
    'a retained DDATA',
    sent('DDATA', (packet) => ({ ...packet, retain: true })),
    ['DDATA goes to its topic, at QoS 0 and not retained'],
  ],
  [
    'another device',
    sent('DBIRTH', (packet) => ({ ...packet, topic: `${packet.topic}x` })),
    ['DBIRTH goes to its topic, at QoS 0 and not retained', 'a device has data between its birth and its death only'],
  ],
  [
    'no sequence number',
    sent(
      'NDATA',
      rewritten(({ seq: _, ...payload }) => payload),
    ),
    ['NBIRTH has sequence number 0, and every other message the next one, 0 after 255'],
  ],
  [
    'a foreign bdSeq',
    sent(
      'NBIRTH',
      metrics((metric) => (metric.name === 'bdSeq' ? { ...metric, value: { case: 'longValue', value: 77n } } : metric)),
    ),
    ['NBIRTH carries the bdSeq of the will, as Int64'],
  ],
  [
    'equal aliases',
    sent(
      'DBIRTH',
      metrics((metric) => ({ ...metric, alias: 1 })),
    ),
    ['aliases are unique over node and devices'],
  ],
  [
    'metrics without a time',
    sent(
      'DDATA',
      metrics(({ timestamp: _, ...metric }) => metric),
    ),
    ['every metric of births and data has a time, in milliseconds UTC'],
  ],
  [
    'names in data',
    sent(
      'DDATA',
      metrics((metric) => ({ ...metric, name: 'x' })),
    ),
    ['DDATA names metrics of the birth by their alias alone, without data type'],
  ],
  [
    'no NDEATH',
    sent('NDEATH', () => undefined),
    [
      'an intended end says NDEATH, then DISCONNECT at once',
      'a host that goes offline ends the session by NDEATH, and the node connects again',
    ],
  ],
  [
    'a host that was never online',
    (seen) => (seen.packet.cmd === 'publish' && seen.packet.topic === 'spBv1.0/STATE/scada' ? undefined : seen),
    ['births wait until the configured host is online by its newest STATE'],
  ],
  [
    'no subscriptions',
    (seen) => (seen.packet.cmd === 'subscribe' ? undefined : seen),
    ['commands for the node are subscribed to with QoS 1, before the birth'],
  ],
  [
    'a will that is retained',
    (seen) =>
      seen.packet.cmd === 'connect' && seen.packet.will
        ? { ...seen, packet: { ...seen.packet, will: { ...seen.packet.will, retain: true } } }
        : seen,
    ['every CONNECT has the NDEATH as its will, at QoS 1 and not retained'],
  ],
];

describe('a Sparkplug host sees', () => {
  it('the classes of a new model, by a birth', async () => {
    const { url, open, ran } = await setUp();
    const host = await hostOn(url);
    const observer = await open();
    closers.push(async () => observer.close?.());
    observer.status?.(both());
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    observer.status?.({ ...both(), model: { id: 'm2', classes: ['blue', 'green'] } });
    await waitFor(() => expect(host.believed().values.get('Properties/Model')).toBe('m2'));
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    expect(host.count('NBIRTH')).toBe(2);
    const names = [...host.believed().values.keys()].filter((name) => name.endsWith('/Threshold'));
    expect(names).toEqual(['Classes/blue/Threshold', 'Classes/green/Threshold']);
    await host.write(undefined, 'Classes/green/False Reject Rate', { doubleValue: 0.01 });
    await waitFor(() => expect(ran).toEqual([{ name: 'threshold', args: { class: 'green', falseRejectRate: 0.01 } }]));
  });

  it('results live from the birth on, also where one had to be stored before it', async () => {
    const { url, tap, open } = await setUp({ primaryHost: 'scada' });
    const host = await hostOn(url, 'scada', false);
    const observer = await open();
    closers.push(async () => observer.close?.());
    observer.status?.(both());
    await waitFor(() => expect(tap.log.some(({ packet }) => packet.cmd === 'suback')).toBe(true));
    observer.result?.(result('belt', 1), undefined);
    await host.state(true);
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    const came = () => host.historical.filter(({ name }) => name === 'Result/Frame').map(({ value }) => Number(value));
    await waitFor(() => expect(came()).toEqual([1]));
    observer.result?.(result('belt', 2), undefined);
    await waitFor(() => expect(host.believed('belt').values.get('Result/Frame')).toBe(2));
    expect(came()).toEqual([1]);
  });

  it('the whole life of a device as the specification has it', async () => {
    const { url, tap, open, ran } = await setUp({ primaryHost: 'scada' });
    const host = await hostOn(url, 'scada', false);
    let observer = await open();
    let frame = 0;
    const inspect = (camera = 'belt', change = {}) => observer.result?.(result(camera, frame++, change), undefined);

    // Start: nothing is born before the host is online, neither by another host nor by junk.
    observer.status?.(both());
    inspect();
    inspect();
    await waitFor(() => expect(tap.log.some(({ packet }) => packet.cmd === 'suback')).toBe(true));
    await host.state(true, Date.now(), 'other');
    await host.publish('spBv1.0/STATE/scada', 'ONLINE');
    await host.state(false, 1000);
    expect(host.count('NBIRTH')).toBe(0);
    await host.state(true, 2000);
    await waitFor(() => expect(host.believed('chute').online).toBe(true));
    await waitFor(() => expect(host.historical.filter(({ name }) => name === 'Result/ID')).toHaveLength(2));

    // Data, by exception.
    for (let i = 0; i < 300; i++) inspect(i % 2 ? 'belt' : 'chute', i % 7 ? {} : { verdict: 'reject' });
    observer.status?.(both({ frames: 300 }));
    await waitFor(() => expect(host.believed('belt').values.get('Counters/Captured')).toBe(300));
    expect(host.believed('belt').values.get('Result/Frame')).toBe(301);

    // Rebirth, of the node and of one device; a flood of requests gets few.
    await host.rebirth();
    await waitFor(() => expect(host.count('NBIRTH')).toBe(2));
    await host.write('belt', 'Device Control/Rebirth', { booleanValue: true });
    await waitFor(() => expect(host.count('DBIRTH')).toBe(5));
    for (let i = 0; i < 50; i++) await host.rebirth();
    await waitFor(() => expect(host.count('NBIRTH')).toBeGreaterThan(2));
    expect(host.count('NBIRTH')).toBeLessThan(10);

    // Commands.
    await host.write('belt', 'Control/Class', { stringValue: 'blue' });
    await waitFor(() => expect(host.believed('belt').values.get('Control/Class')).toBe('blue'));
    await host.write(undefined, 'Classes/red/False Reject Rate', { doubleValue: 0.01 });
    await host.write('chute', 'Control/Trigger', { booleanValue: true });
    await host.write(undefined, 'Control/Paused', { booleanValue: true });
    await host.write('belt', 'Control/Collect/Class', { stringValue: 'red' });
    await host.write('belt', 'Control/Collect/Count', { intValue: 5 });
    await waitFor(() => expect(host.believed('belt').values.get('Command/Message')).toBe('COMMAND_REFUSED: Not now.'));
    expect(ran).toEqual([
      { name: 'recipe', args: { camera: 'belt', class: 'blue' } },
      { name: 'threshold', args: { class: 'red', falseRejectRate: 0.01 } },
      { name: 'trigger', args: { camera: 'chute' } },
      { name: 'pause', args: { paused: true } },
      { name: 'collect', args: { camera: 'belt', class: 'red', count: 5 } },
    ]);
    expect(host.believed('belt').values.get('Control/Collect/Count')).toBe(null);

    // A camera dies and comes back.
    observer.status?.(status([cameraStatus('belt'), cameraStatus('chute', { state: 'failed', error: 'No camera.' })]));
    await waitFor(() => expect(host.believed('chute').online).toBe(false));
    expect(host.believed().values.get('Cameras/chute/Error')).toBe('No camera.');
    await host.rebirth();
    await waitFor(() => expect(host.believed().online).toBe(true));
    observer.status?.(both({ frames: 301 }));
    await waitFor(() => expect(host.believed('chute').online).toBe(true));

    // A STATE that is older than the last one is not heeded.
    await host.state(false, 500);
    const before = host.count('DDATA');
    await waitFor(() => {
      inspect();
      expect(host.count('DDATA')).toBeGreaterThan(before + 2);
    });
    expect(host.count('NDEATH')).toBe(0);
    // As a host does that reads its own death while it lives (section 5.3).
    await host.state(true, 2000);

    // The line breaks: the broker says so, what is inspected meanwhile comes later, and each result once or more.
    tap.cut();
    await waitFor(() => expect(host.believed().online).toBe(false));
    const ids = Array.from({ length: 30 }, (_, i) => result('belt', 1000 + i));
    for (const stored of ids) observer.result?.(stored, undefined);
    tap.mend();
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    const came = () => new Set(host.historical.filter(({ name }) => name === 'Result/ID').map(({ value }) => value));
    await waitFor(() => expect(ids.filter(({ id }) => !came().has(id))).toEqual([]));

    // The host goes, and comes back.
    await host.state(false, 3000);
    await waitFor(() => expect(host.believed().online).toBe(false));
    inspect();
    await host.state(true, 4000);
    await waitFor(() => expect(host.believed('belt').online).toBe(true));

    // The end, and a start anew.
    await observer.close?.();
    await waitFor(() => expect(host.believed().online).toBe(false));
    observer = await open();
    observer.status?.(both());
    await waitFor(() => expect(host.believed('belt').online).toBe(true));
    await observer.close?.();
    await waitFor(() => expect(host.believed().online).toBe(false));

    const judged = (log: readonly Seen[]) => CHECKS.map((check) => judge(check, gather(ABOUT, log, host.received)));
    const judgements = judged(tap.log);
    expect(judgements.filter(({ faults }) => faults.length > 0)).toEqual([]);
    // Of MQTT 5, which this broker does not speak, the system test asks.
    expect(judgements.filter(({ asked }) => asked === 0).map(({ title }) => title)).toEqual([
      'MQTT 5 sessions start clean and end with their connection',
      'with MQTT 5, DISCONNECT asks for the will',
    ]);

    // The host is no yes-man: what is changed in the log, it finds.
    for (const [what, change, titles] of FAKES) {
      const faulty = judged(tap.log.flatMap((seen) => change(seen) ?? []));
      const found = faulty.filter(({ faults }) => faults.length > 0).map(({ title }) => title);
      expect(found, what).toEqual(expect.arrayContaining([...titles]));
    }
  });
});
