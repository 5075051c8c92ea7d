import { describe, expect, it } from 'vitest';
import { Observers } from './observer.js';

describe('Observers', () => {
  it('tells all, also when one throws, and waits for all to close', async () => {
    const heard: string[] = [];
    const errors: unknown[] = [];
    const observers = new Observers(
      [
        {
          stage: () => {
            throw new Error('broken');
          },
          close: async () => {
            throw new Error('stuck');
          },
        },
        { stage: (stage, ms) => heard.push(`${stage} ${ms}`), close: async () => void heard.push('closed') },
        {},
      ],
      (error) => errors.push((error as Error).message),
    );
    observers.stage('model', 5);
    await observers.close();
    expect(heard).toEqual(['model 5', 'closed']);
    expect(errors).toEqual(['broken', 'stuck']);
  });
});
