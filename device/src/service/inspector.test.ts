import { type ResultMessage, topicsOf } from '@beltsight/sdk';
import { describe, expect, it, vi } from 'vitest';
import type { Camera, CameraFault, Frame } from '../camera/frame.js';
import { CameraControl } from '../command/control.js';
import type { Publication } from '../publish/publisher.js';
import type { Inspection } from '../score/scorer.js';
import { Inspector, type InspectorParts } from './inspector.js';

function cameraOf(faults: readonly string[]): Camera {
  return {
    name: 'belt',
    paced: false,
    check: async () => 'a camera',
    async *frames(): AsyncGenerator<CameraFault> {
      for (const fault of faults) yield { fault };
    },
  };
}

const control = () =>
  new CameraControl({ name: 'belt', trigger: 'free' }, { timeoutMs: 1000, pending: 1, maxAgeMs: 0 });
const plain = { width: 2, height: 2, data: new Uint8Array(12) };
const picture = { ...plain, format: 'RGB24' } as const;
const reject = {
  verdict: 'reject',
  score: 2,
  threshold: 1,
  map: { width: 2, height: 2, values: new Float32Array(4) },
} as Inspection;

/**
 * An inspector of as many frames, all rejects, and what happens in it, in order: `told 0` of what observers hear, `frame 0`, `heatmap 0`
 * and `result 0` of what is published.
 */
function inspectorOf(count: number, parts: Partial<InspectorParts> = {}) {
  const events: string[] = [];
  const errors: string[] = [];
  const telling = vi.fn();
  const numbers: number[] = [];
  const inspector = new Inspector({
    camera: {
      name: 'belt',
      paced: false,
      check: async () => 'a camera',
      async *frames() {
        for (let sequence = 0; sequence < count; sequence++)
          yield { ...picture, sequence, capturedMs: performance.now() } as Frame;
      },
    },
    config: { name: 'belt', heatmaps: 'rejects', resultExpirySeconds: null },
    control: control(),
    model: { score: async () => reject },
    converter: { convert: async () => picture },
    publisher: {
      ready: async () => undefined,
      send: (messages: Publication) => {
        const result = JSON.parse(`${messages.at(-1)?.payload}`) as ResultMessage;
        for (const { topic } of messages) events.push(`${topic.split('/').at(-1)} ${result.frame.sequence}`);
      },
    },
    observers: {
      failure: () => events.push('failure'),
      result: (result: ResultMessage, heatmap: Buffer | undefined) => {
        events.push(`told ${result.frame.sequence}`);
        telling(result, heatmap);
      },
    },
    topics: topicsOf({ site: 's', line: 'l', device: 'd' }),
    count: () => {
      numbers.push(numbers.length);
      return numbers.length;
    },
    logger: { error: (_: unknown, text: string) => errors.push(text) },
    changed: () => undefined,
    ...parts,
  } as unknown as InspectorParts);
  return { inspector, events, errors, telling, numbers };
}
const run = async ({ inspector }: ReturnType<typeof inspectorOf>) => inspector.run(AbortSignal.timeout(20_000));
const published = (sequence: number) => ['frame', 'heatmap', 'result'].map((what) => `${what} ${sequence}`);

describe('Inspector', () => {
  it('logs and tells of a fault that stays once, and of another one', async () => {
    const warn = vi.fn();
    const changed = vi.fn();
    const inspector = new Inspector({
      camera: cameraOf(['dark', 'dark', 'dark', 'dusty', 'dusty', 'dark']),
      config: { name: 'belt' },
      control: control(),
      logger: { warn },
      changed,
    } as unknown as InspectorParts);
    await inspector.run(new AbortController().signal);
    expect(warn.mock.calls).toEqual([['dark'], ['dusty'], ['dark']]);
    // And of the end.
    expect(changed).toHaveBeenCalledTimes(4);
  });

  it('tells of a result before any picture of it is made, and publishes results in order with their pictures', async () => {
    let convert: () => void = () => undefined;
    const converting = new Promise<void>((resolve) => {
      convert = resolve;
    });
    const slow = { convert: () => converting.then(() => picture) } as unknown as InspectorParts['converter'];
    const parts = inspectorOf(2, { converter: slow });
    const running = run(parts);
    await vi.waitFor(() => expect(parts.events).toEqual(['told 0']));
    expect(parts.telling.mock.calls[0]?.[1]).toBeUndefined();
    convert();
    await running;
    expect(parts.events.filter((event) => !event.startsWith('told'))).toEqual([...published(0), ...published(1)]);
    expect(parts.events.filter((event) => event.startsWith('told'))).toEqual(['told 0', 'told 1']);
    expect(parts.telling.mock.calls.map(([{ count }]) => count)).toEqual([1, 2]);
  });

  it('tells of a result with its heatmap where an observer wants that', async () => {
    const parts = inspectorOf(1, { observedHeatmaps: true });
    await run(parts);
    expect(parts.telling.mock.calls[0]?.[1]).toBeInstanceOf(Buffer);
    expect(parts.events).toEqual(['told 0', ...published(0)]);
  });

  it.each([
    ['preview', { converter: { convert: () => Promise.reject(new Error('No memory.')) } }, 'frame'],
    ['JPEG', { converter: { convert: async () => ({ ...picture, data: new Uint8Array(0) }) } }, 'frame'],
    ['heatmap', { model: { score: async () => ({ ...reject, map: { ...reject.map, width: 3 } }) } }, 'heatmap'],
    [
      'heatmap',
      { model: { score: async () => ({ ...reject, map: { ...reject.map, width: 3 } }) }, observedHeatmaps: true },
      'heatmap',
    ],
  ])(
    'publishes and tells every result where no %s can be made, and says so once (%#)',
    async (what, faulty, missing) => {
      const parts = inspectorOf(3, faulty as unknown as Partial<InspectorParts>);
      await run(parts);
      expect(parts.events.filter((event) => event.startsWith('told'))).toEqual(['told 0', 'told 1', 'told 2']);
      const expected = [0, 1, 2].flatMap(published).filter((event) => !event.startsWith(missing));
      expect(parts.events.filter((event) => !event.startsWith('told'))).toEqual(expected);
      expect(parts.errors).toEqual([expect.stringContaining(`No ${what} can be made`)]);
      expect(parts.numbers).toHaveLength(3);
      expect(parts.inspector.status()).toMatchObject({ state: 'ended', failures: 0, inspected: 3 });
    },
  );

  it('says anew that a picture cannot be made after one could', async () => {
    let frames = 0;
    const faulty = { convert: async () => (frames++ === 1 ? picture : { ...picture, data: new Uint8Array(0) }) };
    const parts = inspectorOf(4, { converter: faulty as unknown as InspectorParts['converter'] });
    await run(parts);
    expect(parts.errors).toHaveLength(2);
    expect(parts.events).toContain('frame 1');
  });

  it('goes on with the next frame where a result could not be published', async () => {
    const sent: number[] = [];
    const send = (messages: Publication) => {
      const { frame } = JSON.parse(`${messages.at(-1)?.payload}`) as ResultMessage;
      if (frame.sequence === 0) throw new Error('No.');
      sent.push(frame.sequence);
    };
    const parts = inspectorOf(3, {
      publisher: { send, ready: async () => undefined } as unknown as InspectorParts['publisher'],
    });
    await run(parts);
    expect(sent).toEqual([1, 2]);
    expect(parts.events).toEqual(['told 0', 'told 1', 'told 2']);
    expect(parts.errors).toEqual([expect.stringMatching(/cannot be published: No\./)]);
  });
});
