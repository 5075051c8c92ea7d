import { afterEach, describe, expect, it, vi } from 'vitest';
import { download } from './download.js';

afterEach(() => vi.restoreAllMocks());

const redirect = (location: string) => new Response(null, { status: 302, headers: { location } });

describe('download', () => {
  it.each(['https://example.com/model', 'HTTPS://example.com/model'])(
    'of %s passes no place without TLS, not even on the way',
    async (url) => {
      const back = [redirect('http://elsewhere/model'), redirect('https://example.com/model'), new Response('x')];
      vi.spyOn(globalThis, 'fetch').mockImplementation(async () => back.shift() as Response);
      await expect(download(url)).rejects.toMatchObject({
        code: 'BACKBONE_UNREACHABLE',
        message: expect.stringContaining('leads to a place without TLS'),
      });
    },
  );

  it('follows no circle for ever', async () => {
    const fetching = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => redirect('/model'));
    await expect(download('https://example.com/model')).rejects.toThrow('it leads on more than 10 times');
    expect(fetching).toHaveBeenCalledTimes(11);
  });
});
