import { expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { EventLoopDelay } from './event-loop.js';

it('tells of an event loop that was held up', async () => {
  const loop = new EventLoopDelay();
  expect(loop.delay).toEqual({ p50Ms: 0, p99Ms: 0 });
  loop.start();
  await waitFor(() => {
    const until = performance.now() + 150;
    while (performance.now() < until);
    expect(loop.delay.p99Ms).toBeGreaterThan(100);
  });
  loop.close();
});
