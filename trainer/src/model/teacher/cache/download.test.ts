import { afterEach, describe, expect, it, vi } from 'vitest';
import { download } from './download.js';

afterEach(() => vi.restoreAllMocks());

describe('download', () => {
  it.each(['https://example.com/model', 'HTTPS://example.com/model'])(
    'of %s does not end where there is no TLS',
    async (url) => {
      const response = Object.defineProperty(new Response('x'), 'url', { value: 'http://elsewhere/model' });
      vi.spyOn(globalThis, 'fetch').mockResolvedValue(response);
      await expect(download(url)).rejects.toMatchObject({
        code: 'BACKBONE_UNREACHABLE',
        message: expect.stringContaining('leads to a place without TLS'),
      });
    },
  );
});
