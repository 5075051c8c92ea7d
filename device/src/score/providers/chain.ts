import { BeltsightError } from '@beltsight/sdk';
import type { ProviderName } from './schema.js';

/** A provider that was tried before the one in use, and why it is not. */
export interface RejectedProvider {
  readonly provider: ProviderName;
  readonly reason: string;
}

export interface Chosen<T> {
  readonly provider: ProviderName;
  readonly result: T;
  readonly rejected: readonly RejectedProvider[];
}

/**
 * Tries providers in order and takes the first that works.
 * @param strict only the first counts
 * @throws BeltsightError what the only provider failed with, or PROVIDER_UNAVAILABLE with every reason if none works
 */
export async function firstThatWorks<T>(
  providers: readonly ProviderName[],
  strict: boolean,
  attempt: (provider: ProviderName) => Promise<T>,
  hear: (rejected: RejectedProvider) => void = () => undefined,
): Promise<Chosen<T>> {
  const rejected: RejectedProvider[] = [];
  const tried = strict ? providers.slice(0, 1) : providers;
  for (const provider of tried) {
    try {
      return { provider, result: await attempt(provider), rejected };
    } catch (error) {
      if (tried.length === 1) throw error;
      const reason = (error as Error).message;
      rejected.push({ provider, reason });
      hear({ provider, reason });
    }
  }
  throw new BeltsightError(
    'PROVIDER_UNAVAILABLE',
    `No execution provider runs the model:\n${rejected.map((r) => `  - ${r.provider}: ${r.reason}`).join('\n')}`,
  );
}
