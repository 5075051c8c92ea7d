import type { PublisherFigures } from '../../device/src/publish/publisher.js';

/** Figures of a publisher that is connected and has lost nothing, but for what is said. */
export function figuresOf(
  change: Partial<Omit<PublisherFigures, 'dropped'>> & { readonly dropped?: Partial<PublisherFigures['dropped']> } = {},
): PublisherFigures {
  const nothing = { picture: 0, result: 0, expired: 0, damaged: 0, tooLarge: 0, refused: 0 };
  return {
    connected: true,
    reconnects: 0,
    waiting: 0,
    waitingBytes: 0,
    oldestAt: undefined,
    spoolFault: undefined,
    ...change,
    dropped: { ...nothing, ...change.dropped },
  };
}
