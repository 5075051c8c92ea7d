import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredMessage } from '@beltsight/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { DesiredTopic } from './desired.js';

let topic: DesiredTopic | undefined;
afterEach(() => topic?.close());

/** A topic on a broker that the test plays; short times. */
function listen() {
  const heard: (DesiredMessage | undefined)[] = [];
  const warnings: unknown[] = [];
  let hear: (payload: string) => void = () => undefined;
  let granted: () => void = () => undefined;
  topic = new DesiredTopic({
    topic: 'update/desired',
    publisher: {
      subscribe: (_, listener, options) => {
        hear = (payload) => listener({ payload: Buffer.from(payload) } as never);
        granted = options?.granted ?? granted;
      },
    },
    desire: (desired) => heard.push(desired),
    logger: { warn: (...args: unknown[]) => void warnings.push(args) } as never,
    apartMs: 30,
    retainedMs: 60,
  });
  const { known } = topic;
  return { heard, warnings, known, hear: (payload: string) => hear(payload), granted: () => granted() };
}

const message = (release: string) =>
  JSON.stringify({ schema: 'beltsight.desired/1', release: `releases/_/${release}.json` });

describe('the topic of what is desired', () => {
  it('changes nothing where the broker has nothing, as after a loss of what was retained', async () => {
    const { heard, known, granted } = listen();
    granted();
    await known;
    expect(heard).toEqual([]);
  });

  it.each([
    ['after', ['granted', 'hear']],
    ['before', ['hear', 'granted']],
  ] as const)('keeps to what came %s the broker took the subscription', async (_, order) => {
    const { heard, granted, hear } = listen();
    for (const step of order) {
      if (step === 'granted') granted();
      else hear(message('a-1'));
    }
    await sleep(150);
    expect(heard.map((desired) => desired?.release)).toEqual(['releases/_/a-1.json']);
  });

  it('is followed at once, then no more often than every so often, and to the last word', async () => {
    const { heard, hear } = listen();
    for (let i = 1; i <= 1000; i++) hear(message(`a-${i}`));
    expect(heard).toHaveLength(1);
    await sleep(150);
    expect(heard.map((desired) => desired?.release)).toEqual(['releases/_/a-1.json', 'releases/_/a-1000.json']);
  });

  it('taken back says nothing any more', async () => {
    const { heard, hear } = listen();
    hear(message('a-1'));
    hear('');
    await sleep(100);
    expect(heard.at(-1)).toBe(undefined);
    expect(heard).toHaveLength(2);
  });

  it.each(['{', '[]', message('../../x'), message('a-1').replace('1"', '2"'), `"${'x'.repeat(5000)}"`])(
    'ignores what nobody can mean: %.30s',
    async (text) => {
      const { heard, warnings, hear } = listen();
      for (let i = 0; i < 100; i++) hear(text);
      await sleep(80);
      expect(heard).toEqual([]);
      expect(warnings).toHaveLength(1);
    },
  );
});
