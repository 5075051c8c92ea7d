import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/products.js';
import { requireReadable } from './data.js';

describe('requiring readable images', () => {
  it('gives each its own reason, in order, also where many are damaged', async () => {
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
      message: `60 training image(s) cannot be used:\n${lines.join('\n')}`,
    });
    await dispose();
  });
});
