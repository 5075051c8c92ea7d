import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { decodeImage } from '../camera/decode.js';
import type { Picture } from '../camera/frame.js';
import { Scorer } from './scorer.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-scorer-'));
  await writeTinyBundle(join(folder, 'good'));
});
afterAll(() => rm(folder, { recursive: true }));

const picture = (data: Uint8Array, size = TINY_SIZE): Picture => ({ format: 'RGB24', width: size, height: size, data });

describe('Scorer', () => {
  it('passes the good, rejects the defective and recognises the class', async () => {
    const scorer = await Scorer.open(join(folder, 'good'));
    const good = await scorer.score(picture(tinyImage('red')));
    expect(good).toMatchObject({ verdict: 'pass', className: 'red', classSource: 'recognised', threshold: 0.25 });
    const bad = await scorer.score(picture(tinyImage('blue', 255)));
    expect(bad).toMatchObject({ verdict: 'reject', className: 'blue' });
    expect(bad.score).toBe(Math.max(...bad.map.values));
    const green = new Uint8Array(TINY_SIZE * TINY_SIZE * 3).map((_, i) => (i % 3 === 1 ? 200 : 20));
    expect(await scorer.score(picture(green))).toMatchObject({ verdict: 'unknown', className: null, threshold: null });
    expect(await scorer.score(picture(green), 'red')).toMatchObject({ className: 'red', classSource: 'recipe' });
    await scorer.close();
  });

  it('takes frames of any size and order of colours, many at once, and keeps their results apart', async () => {
    const scorer = await Scorer.open(join(folder, 'good'), { threads: 1 });
    const [red, blue] = [tinyImage('red', undefined, 50), tinyImage('blue', undefined, 70)];
    const bgr: Picture = { ...picture(red, 50), format: 'BGR24' };
    const results = await Promise.all([
      ...Array.from({ length: 6 }, (_, i) => scorer.score(i % 2 === 0 ? picture(red, 50) : picture(blue, 70))),
      scorer.score(bgr),
    ]);
    expect(results.map(({ className }) => className)).toEqual(['red', 'blue', 'red', 'blue', 'red', 'blue', 'blue']);
    expect(results[0]?.map.values).not.toBe(results[1]?.map.values);
    await scorer.close();
  });

  it('refuses pixels that do not fit, and a class the model does not know', async () => {
    const scorer = await Scorer.open(join(folder, 'good'));
    await expect(scorer.score(picture(new Uint8Array(7)))).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    await expect(scorer.score(picture(tinyImage('red')), 'grin')).rejects.toThrow(
      /no class "grin"; it knows red, blue/,
    );
    await scorer.close();
  });

  it('opens no bundle with a flipped byte', async () => {
    const broken = join(folder, 'flipped');
    await writeTinyBundle(broken);
    const bytes = await readFile(join(broken, 'student.weights'));
    bytes[1] = (bytes[1] as number) ^ 1;
    await writeFile(join(broken, 'student.weights'), bytes);
    await expect(Scorer.open(broken)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT', message: /student\.weights/ });
  });

  it('opens no bundle whose golden samples score otherwise here', async () => {
    const other = join(folder, 'other');
    await writeTinyBundle(other, (parts) => ({
      ...parts,
      golden: parts.golden.map((sample) => ({ ...sample, score: 0.5, verdict: 'reject' as const })),
    }));
    await expect(Scorer.open(other)).rejects.toThrow(/self-test.*golden\/000\.png/);
  });

  it('says which library is no ONNX Runtime', async () => {
    const bundle = join(folder, 'good');
    await expect(Scorer.open(bundle, { library: '/no/such.so' })).rejects.toThrow(/\/no\/such\.so.*runtime\.library/);
    const text = join(folder, 'text.so');
    await writeFile(text, 'not a library');
    await expect(Scorer.open(bundle, { library: text })).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' });
    // Any other library lacks the entry point.
    await expect(Scorer.open(bundle, { library: await libc() })).rejects.toThrow(/OrtGetApiBase/);
  });
});

async function libc(): Promise<string> {
  const maps = await readFile('/proc/self/maps', 'utf8');
  return maps.match(/\S+libc\S*\.so\S*/)?.[0] as string;
}

describe('decodeImage', () => {
  const base = () => sharp({ create: { width: 8, height: 6, channels: 3, background: { r: 200, g: 100, b: 50 } } });
  it.each([
    ['a grey PNG', () => base().greyscale().png()],
    ['a PNG with transparency', () => base().ensureAlpha(0.5).png()],
    ['a 16-bit PNG', () => base().toColourspace('rgb16').png()],
    ['a CMYK JPEG', () => base().toColourspace('cmyk').jpeg()],
    ['a 1x1 image', () => base().resize(1, 1).png()],
  ])('makes 8-bit RGB of %s', async (_, make) => {
    const { width, height, data } = await decodeImage(await make().toBuffer());
    expect(data).toHaveLength(width * height * 3);
  });

  it('names what cannot be decoded', async () => {
    const file = join(folder, 'truncated.png');
    await writeFile(file, (await base().png().toBuffer()).subarray(0, 60));
    await expect(decodeImage(file)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE', message: /truncated\.png/ });
    await expect(decodeImage('/no/such.png')).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    const huge = await sharp({ create: { width: 20_000, height: 8000, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    await expect(decodeImage(huge, 'huge.png')).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      message: /huge\.png/,
    });
  });
});
