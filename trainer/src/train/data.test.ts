import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { lossConfigSchema } from '../loss/config.js';
import { temporaryFolder } from '../testing/products.js';
import { requireReadable, secondView } from './data.js';

describe('requiring readable images', () => {
  it('gives each its own reason, in order, also where many are damaged, and names the first', async () => {
    const { path, dispose } = await temporaryFolder();
    const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
    const whole = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#888', noise } })
      .png()
      .toBuffer();
    const files = Array.from({ length: 60 }, (_, i) => join(path, `${String(i).padStart(2, '0')}.png`));
    for (const [i, file] of files.entries())
      await writeFile(file, i % 2 ? 'this is no image' : whole.subarray(0, whole.length / 2));
    const reasons = ['vipspng: libpng read error', 'Input file contains unsupported image format'];
    const lines = files.map(
      (file, i) =>
        `  - ${file} cannot be decoded (${reasons[i % 2]}): the file is damaged or no image; replace or remove it.`,
    );
    await expect(requireReadable([...files].reverse(), 64)).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: `60 training image(s) cannot be used:\n${lines.slice(0, 20).join('\n')}\n  and 40 more`,
    });
    await dispose();
  });
});

describe('the second view', () => {
  it.each([
    [{ k: 1 }, false],
    [{ k: 3 }, false],
    [{ k: 'full' }, true],
    [null, true],
  ])('of a local loss %j is moved: %s', (local, moved) => {
    const loss = lossConfigSchema.parse({ kd: 'flat', local, global: null });
    expect(secondView(loss).geometry !== undefined).toBe(moved);
  });
});
