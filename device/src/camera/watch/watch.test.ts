import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BeltsightError } from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadRuntime } from '../../score/ort/library.js';
import { RgbConverter } from '../rgb.js';
import { TestCamera } from '../test-pattern.js';
import { aidsOf } from './aids.js';
import { type Knob, storeControls } from './knobs.js';
import { type Figures, watchCamera } from './server.js';

const converter = new RgbConverter(loadRuntime());
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-watch-'));
  await writeFile(join(folder, 'page.js'), 'the script');
});
afterAll(async () => {
  await converter.close();
  await rm(folder, { recursive: true });
});

describe('aidsOf', () => {
  it('tells sharp from blurred, and what is lost in black and white', async () => {
    const [width, height] = [64, 32];
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.floor(i / 3) % 8 < 2 ? 255 : 100));
    const sharpOne = await aidsOf({ format: 'RGB24', width, height, data });
    const raw = await sharp(data, { raw: { width, height, channels: 3 } })
      .blur(2)
      .raw()
      .toBuffer();
    const blurred = await aidsOf({ format: 'RGB24', width, height, data: new Uint8Array(raw) });
    expect(sharpOne.sharpness).toBeGreaterThan(5 * blurred.sharpness);
    expect(sharpOne).toMatchObject({ dark: 0, bright: 0.25 });
    expect(sharpOne.brightness).toBeCloseTo((255 / 4 + (3 * 100) / 4) / 255, 2);
    expect(sharpOne.histogram).toHaveLength(64);
    expect(sharpOne.histogram[25]).toBeCloseTo(0.75, 6);
    expect(sharpOne.histogram[63]).toBeCloseTo(0.25, 6);
  });
});

describe('watchCamera', () => {
  const knob: Knob = {
    name: 'exposure',
    type: 'integer',
    value: 3,
    minimum: 0,
    maximum: 9,
    step: 1,
    menu: [],
    inactive: false,
  };
  let stop: AbortController;
  let base: string;
  let ended: Promise<void>;
  let stored: object | undefined;
  beforeEach(async () => {
    stop = new AbortController();
    stored = undefined;
    let value = 3;
    const watching = await watchCamera(
      {
        camera: new TestCamera('belt', { type: 'test', width: 64, height: 48, rateHz: 50 }),
        converter,
        knobs: {
          list: () => [{ ...knob, value }],
          set: (name, next) => {
            if (name !== 'exposure' || Number(next) > 9)
              throw new BeltsightError('ARGUMENT_INVALID', `${name}: 0 to 9.`);
            value = Number(next);
          },
        },
        store: async (controls) => {
          stored = { ...controls };
        },
        script: pathToFileURL(join(folder, 'page.js')),
        host: '127.0.0.1',
        port: 0,
      },
      stop.signal,
    );
    base = `http://127.0.0.1:${watching.port}`;
    ended = watching.ended;
  });
  afterEach(async () => {
    stop.abort();
    await ended;
  });
  const post = (path: string, body: object, headers = {}) =>
    fetch(base + path, { method: 'POST', body: JSON.stringify(body), headers });
  /** What comes of an endless answer until there is enough. */
  async function begin(path: string, enough: (bytes: Buffer) => boolean): Promise<Buffer> {
    const response = await fetch(base + path);
    let bytes = Buffer.alloc(0);
    for await (const chunk of response.body ?? []) {
      bytes = Buffer.concat([bytes, chunk]);
      if (enough(bytes)) break;
    }
    return bytes;
  }

  it('serves the page with its script', async () => {
    const page = await fetch(`${base}/`);
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'/);
    expect(await page.text()).toMatch(/<title>belt<\/title>/);
    expect(await (await fetch(`${base}/page.js`)).text()).toBe('the script');
    expect((await fetch(`${base}/../secret`)).status).toBe(404);
  });

  it('shows pictures and tells their figures, live', async () => {
    const jpegEnd = Buffer.from([0xff, 0xd9]);
    const stream = await begin('/stream', (bytes) => bytes.includes(jpegEnd));
    const picture = stream.subarray(stream.indexOf(Buffer.from([0xff, 0xd8])), stream.indexOf(jpegEnd) + 2);
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 48 });
    const events = await begin('/figures', (bytes) => bytes.includes('\n\n'));
    const figures = JSON.parse(/^data: (.*)$/m.exec(events.toString())?.[1] ?? '') as Figures;
    expect(figures).toMatchObject({ width: 64, height: 48 });
    expect(figures.rateHz).toBeGreaterThan(1);
  });

  it('turns controls, and stores those that were turned', async () => {
    expect(await (await fetch(`${base}/controls`)).json()).toEqual([knob]);
    expect(await (await post('/controls', { name: 'exposure', value: 5 })).json()).toEqual([{ ...knob, value: 5 }]);
    const refused = await post('/controls', { name: 'exposure', value: 50 });
    expect([refused.status, await refused.text()]).toEqual([400, 'exposure: 0 to 9.']);
    expect((await post('/controls', { value: 'x' })).status).toBe(400);
    expect((await post('/controls', { name: 'exposure', value: 1 }, { origin: 'http://elsewhere' })).status).toBe(400);
    await post('/store', {});
    expect(stored).toEqual({ exposure: 5 });
  });
});

describe('storeControls', () => {
  it('changes the camera of that name, and keeps comments', async () => {
    const file = join(folder, 'device.yaml');
    await writeFile(
      file,
      '# ours\ncameras:\n  - name: rail\n    source: { type: test }\n  - name: belt # the belt\n    source:\n      type: v4l2\n      controls:\n        gain: 1 # low\n',
    );
    await storeControls(file, 'belt', { gain: 4, auto_exposure: true });
    expect(await readFile(file, 'utf8')).toBe(
      '# ours\ncameras:\n  - name: rail\n    source: { type: test }\n  - name: belt # the belt\n    source:\n      type: v4l2\n      controls:\n        gain: 4 # low\n        auto_exposure: true\n',
    );
    await expect(storeControls('/no/such.yaml', 'belt', { gain: 1 })).rejects.toThrow(
      /\/no\/such\.yaml cannot be changed/,
    );
  });
});
