import type { Page } from 'playwright-core';

/** All different strings that live in a page's JavaScript heap, after a garbage collection. */
export async function heapStrings(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    const chunks: string[] = [];
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
    await session.send('HeapProfiler.collectGarbage');
    await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
    return (JSON.parse(chunks.join('')) as { strings: string[] }).strings;
  } finally {
    await session.detach();
  }
}
