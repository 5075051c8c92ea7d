import { describe, expect, it } from 'vitest';
import { firstThatWorks, type RejectedProvider } from './chain.js';
import type { ProviderName } from './schema.js';

const only = (works: ProviderName | undefined) => async (provider: ProviderName) => {
  if (provider !== works) throw new Error(`no ${provider}`);
  return provider.toUpperCase();
};

describe('the chain of providers', () => {
  it('takes the first that works and keeps the reasons of the others', async () => {
    const heard: RejectedProvider[] = [];
    const chosen = await firstThatWorks(['tensorrt', 'cuda', 'cpu'], false, only('cpu'), (r) => heard.push(r));
    expect(chosen).toMatchObject({ provider: 'cpu', result: 'CPU' });
    expect(chosen.rejected).toEqual([
      { provider: 'tensorrt', reason: 'no tensorrt' },
      { provider: 'cuda', reason: 'no cuda' },
    ]);
    expect(heard).toEqual(chosen.rejected);
  });

  it('names every reason where none works', async () => {
    await expect(firstThatWorks(['cuda', 'cpu'], false, only(undefined))).rejects.toThrow(
      /cuda: no cuda[\s\S]*cpu: no cpu/,
    );
  });

  it('tries the first alone when strict', async () => {
    await expect(firstThatWorks(['cuda', 'cpu'], true, only('cpu'))).rejects.toThrow('no cuda');
  });
});
