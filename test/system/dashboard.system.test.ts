import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveDashboard } from '../../device/src/dashboard/server.js';
import { heapStrings } from '../support/heap.js';
import { startMosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/patience.js';
import { freePort, ROOT, startDevice } from '../support/processes.js';
import { ScreenDevice, type Sight, sightOf } from '../support/screen-device.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../support/tiny-bundle.js';

const ADDRESS = { site: 's', line: 'l', device: 'd' };
/** So long do results stay news here. */
const STALE = 'stale=600';

let browser: Browser;
let good: Sight;
let bad: Sight;
let broker: Awaited<ReturnType<typeof startMosquitto>>;
let sockets: number;
let address: string;
const closers: (() => Promise<unknown>)[] = [];
const webSockets = () => [`listener ${sockets} 127.0.0.1`, 'protocol websockets'];

beforeAll(async () => {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  good = await sightOf('cap', 1, false);
  bad = await sightOf('cap', 12, true);
});
afterAll(() => browser.close());

beforeEach(async () => {
  sockets = await freePort();
  broker = await startMosquitto({ lines: webSockets() });
  closers.push(() => broker.stop());
  const folder = join(ROOT, 'examples/dist/dashboard');
  const server = await serveDashboard({ folder, host: '127.0.0.1', port: 0, site: 's', line: 'l' });
  closers.push(() => server.close());
  address = server.url;
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The page, connected, with all that it asked for and complained about. */
async function open(search = STALE, link = 'broker connected') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  closers.push(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  await page.goto(`${address}?broker=ws://127.0.0.1:${sockets}&${search}`);
  // Results are not retained: who is not there yet misses them.
  await shows(page, 'link', link);
  return { page, complaints, requests };
}

async function device(cameras: readonly string[] = ['belt']) {
  const started = await ScreenDevice.start(broker.url, ADDRESS, cameras);
  closers.push(() => started.close());
  return started;
}

const text = async (page: Page, id: string) => (await page.locator(`#${id}`).textContent()) ?? '';
const shows = (page: Page, id: string, expected: RegExp | string) =>
  waitFor(async () => expect(await text(page, id)).toMatch(expected));
const drawn = (page: Page) => page.locator('#frame').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
const result = (page: Page) => page.locator('#frame').getAttribute('data-result');

describe('the dashboard', () => {
  it('shows each verdict by word, shape and colour, with frame and heatmap, class, score and trends', async () => {
    const { page, complaints, requests } = await open();
    await shows(page, 'word', 'NO DEVICE YET');
    const belt = await device();
    await shows(page, 'word', 'WAITING');
    const looks = [];
    for (const verdict of ['pass', 'unknown', 'reject'] as const) {
      const { id } = await belt.inspect('belt', verdict, { sight: verdict === 'pass' ? good : bad });
      await shows(page, 'word', verdict.toUpperCase());
      await waitFor(async () => expect(await result(page)).toBe(id));
      looks.push(
        await page.locator('#banner').evaluate((banner) => {
          const word = getComputedStyle(banner.querySelector('#word') as Element);
          const sign = banner.querySelector('use')?.getAttribute('href');
          return { colour: getComputedStyle(banner).borderColor, sign, size: Number.parseFloat(word.fontSize) };
        }),
      );
    }
    for (const key of ['colour', 'sign'] as const) expect(new Set(looks.map((look) => look[key])).size).toBe(3);
    // Letters an eighth of the screen high.
    for (const { size } of looks) expect(size).toBeGreaterThan(100);
    expect(await text(page, 'product')).toBe('cap');
    expect(await text(page, 'age')).toMatch(/^score \d\.\d{3} of 0\.913$/);
    expect(await text(page, 'ratio')).toMatch(/^\d\.\d\d ×$/);
    expect(await text(page, 'health')).toMatch(/online[\s\S]*cpu, not cuda/);
    await shows(page, 'announce', /^belt: /);
    const covered = await drawn(page);
    await page.locator('#overlay').uncheck();
    await waitFor(async () => expect(await drawn(page)).not.toBe(covered));
    await page.locator('#overlay').check();
    await waitFor(async () => expect(await drawn(page)).toBe(covered));
    await belt.inspect('belt', 'pass');
    await shows(page, 'note', /No frame came.*frames: true/);
    const own = [address, `ws://127.0.0.1:${sockets}`, 'blob:'];
    expect(requests.filter((url) => !own.some((start) => url.startsWith(start)))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('is used with a keyboard alone', async () => {
    const { page, complaints } = await open();
    const belt = await device(['left', 'right']);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await belt.inspect('left', 'reject', { sight: bad })).id);
    await belt.inspect('right', 'pass', { sight: good });
    await waitFor(async () =>
      expect(await page.locator('.card').allTextContents()).toEqual([
        expect.stringContaining('REJECT'),
        expect.stringContaining('PASS'),
      ]),
    );
    const chosen = () => page.locator('#tabs [aria-current=true]').textContent();
    const key = page.keyboard;
    // By focus: the first stop is the overview's tab, and it can be seen.
    await key.press('Tab');
    expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe('solid');
    await key.press('Tab');
    await key.press('Enter');
    await waitFor(async () => expect(await chosen()).toContain('left'));
    await key.press('n');
    await waitFor(async () => expect(await chosen()).toContain('right'));
    await key.press('1');
    await waitFor(async () => expect(await chosen()).toContain('left'));
    for (const [press, id, place] of [
      ['ArrowLeft', ids[2], 1],
      ['ArrowLeft', ids[1], 2],
      ['ArrowLeft', ids[0], 3],
      ['ArrowRight', ids[1], 2],
    ] as const) {
      await key.press(press);
      await shows(page, 'replaying', new RegExp(`^REPLAY ${place} of 3 · .*REJECT · cap · \\d\\.\\d\\d ×`));
      await waitFor(async () => expect(await result(page)).toBe(id));
    }
    await key.press('Escape');
    await waitFor(async () => expect(await page.locator('#replaying').isHidden()).toBe(true));
    const state = () =>
      page.evaluate(() => [
        document.documentElement.dataset.theme,
        (document.getElementById('shade') as HTMLElement).style.opacity,
        (document.getElementById('overlay') as HTMLInputElement).checked,
        (document.getElementById('opacity') as HTMLInputElement).value,
      ]);
    await waitFor(async () => expect(await state()).toEqual(['dark', '0', true, '80']));
    for (const press of ['t', 'd', '-', 'h']) await key.press(press);
    await waitFor(async () => expect(await state()).toEqual(['light', '0.35', false, '70']));
    await key.press('?');
    expect(await text(page, 'key-list')).toContain('Acknowledge the alarm');
    await key.press('Escape');
    await key.press('o');
    await waitFor(async () => expect(await page.locator('#overview').isVisible()).toBe(true));
    expect(complaints).toEqual([]);
  });

  it('says so in large letters when the broker is gone, and comes back by itself', async () => {
    const { page } = await open();
    const belt = await device();
    await belt.inspect('belt', 'pass', { sight: good });
    await shows(page, 'word', 'PASS');
    await broker.stop();
    await shows(page, 'word', 'BROKER GONE');
    expect(await text(page, 'product')).toMatch(/^since \d\d:\d\d:\d\d · \d+ s$/);
    expect(await text(page, 'measure')).toMatch(/^last was pass at /);
    expect(await page.locator('#stage').getAttribute('data-state')).toBe('old');
    await shows(page, 'alert', /BROKER GONE/);
    expect(await page.locator('#figures').textContent()).toMatch(/inspected1not passed/);
    broker = await startMosquitto({ lines: webSockets(), port: broker.port });
    await waitFor(async () => {
      await belt.inspect('belt', 'pass', { sight: good });
      expect(await text(page, 'word')).toBe('PASS');
    });
  });

  it('never shows an old verdict as if it were current', async () => {
    const { page } = await open('stale=1');
    const belt = await device();
    await belt.inspect('belt', 'pass', { sight: good });
    await shows(page, 'word', 'OLD');
    expect(await text(page, 'product')).toMatch(/^no result for \d+ s$/);
    expect(await page.locator('#banner').getAttribute('data-kind')).toBe('old');
    // What waited on the device while it was cut off is no news.
    await belt.inspect('belt', 'reject', { capturedAt: new Date(Date.now() - 3_600_000) });
    await shows(page, 'measure', /^last was reject/);
    expect(await text(page, 'product')).toMatch(/^no result for (59|60) min$/);
    await belt.status({ state: 'offline' });
    await shows(page, 'word', 'DEVICE OFFLINE');
  });

  it('says how many cameras have no place on it', async () => {
    const { page, complaints } = await open();
    await device(Array.from({ length: 34 }, (_, i) => `belt-${i + 10}`));
    await shows(page, 'left-out', /^Cameras not shown: 2; this page shows 32\./);
    await waitFor(async () => expect(await page.locator('.card').count()).toBe(32));
    expect(await page.locator('#left-out').isVisible()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('acknowledges alarms and shows what the device answers', async () => {
    const { page, complaints } = await open(`${STALE}&operator=ada`);
    const belt = await device();
    belt.answer = () => ({ ok: false, error: { code: 'COMMAND_REFUSED', message: 'Not from here.' } });
    await belt.raise('belt');
    await shows(page, 'alarms', /belt Too many rejects.*21 %, limit 8\.1 %/);
    await page.keyboard.press('a');
    await shows(page, 'alarms', /Refused: Not from here\./);
    belt.answer = () => ({ ok: true });
    await page.locator('#alarms button').focus();
    await page.keyboard.press('Enter');
    await shows(page, 'alarms', /acknowledged by ada/);
    expect(belt.asked).toHaveLength(2);
    expect(belt.asked[1]).toMatchObject({ camera: 'belt', by: 'ada' });
    await belt.clear('belt');
    await waitFor(async () => expect(await page.locator('#alarms').textContent()).toBe(''));
    expect(complaints).toEqual([]);
  });

  it('marks a reject as a false alarm, by button and by key, and shows what the device answers', async () => {
    const { page, complaints } = await open(`${STALE}&operator=ada`);
    const belt = await device();
    const unknown = await belt.inspect('belt', 'unknown', { sight: bad });
    const reject = await belt.inspect('belt', 'reject', { sight: bad });
    await shows(page, 'word', 'REJECT');
    const { keyboard } = page;
    // Of what is live there is nothing to mark: the next product may come under the finger.
    await keyboard.press('g');
    expect(await page.locator('#false-alarm').isVisible()).toBe(false);
    belt.answer = () => ({ ok: false, error: { code: 'COMMAND_REFUSED', message: 'Its frame is not kept.' } });
    await keyboard.press('ArrowLeft');
    await shows(page, 'replaying', /^REPLAY 1 of 2/);
    await keyboard.press('g');
    await shows(page, 'judged', 'Refused: Its frame is not kept.');
    belt.answer = () => ({ ok: true });
    await page.locator('#false-alarm').focus();
    await keyboard.press('Enter');
    await shows(page, 'judged', /^Marked as a false alarm: filed as a good cap/);
    expect(await page.locator('#false-alarm').isVisible()).toBe(false);
    expect(await page.locator('#rejects [data-judged=true]').getAttribute('data-id')).toBe(reject.id);
    // Of a product that the model did not know, a person says which it is.
    await keyboard.press('ArrowLeft');
    await shows(page, 'replaying', /^REPLAY 2 of 2/);
    expect(await page.locator('#false-alarm').isDisabled()).toBe(true);
    expect(await text(page, 'judged')).toBe('');
    await page.locator('#judged-class').focus();
    await keyboard.press('g');
    await waitFor(async () => expect(await page.locator('#judged-class').inputValue()).toBe('gear'));
    await waitFor(async () => expect(await page.locator('#false-alarm').isEnabled()).toBe(true));
    belt.answer = undefined;
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await shows(page, 'judged', /waiting for the device/);
    expect(await page.locator('#false-alarm').isDisabled()).toBe(true);
    await waitFor(() => expect(belt.asked).toHaveLength(3));
    expect(belt.asked.slice(1)).toEqual([
      { camera: 'belt', result: reject.id, judgement: 'false-alarm', by: 'ada' },
      { camera: 'belt', result: unknown.id, judgement: 'false-alarm', class: 'gear', by: 'ada' },
    ]);
    expect(complaints).toEqual([]);
  });

  it('keeps the last results over a reload, and no more than that of 5,000', async () => {
    const { page } = await open(`${STALE}&results=100&rejects=10`);
    const belt = await device();
    const inspected = () => page.locator('#figures').textContent();
    await belt.inspect('belt', 'pass', { source: 'part-first.png' });
    await waitFor(async () => expect(await inspected()).toMatch(/inspected1not passed/));
    // In bursts that the queue of the broker holds.
    for (let sent = 1; sent < 5000; ) {
      const burst = Array.from({ length: Math.min(250, 5000 - sent) }, (_, i) =>
        belt.inspect('belt', (sent + i) % 20 === 0 ? 'reject' : 'pass', { source: `part-${sent + i}.png` }),
      );
      await Promise.all(burst);
      sent += burst.length;
      await waitFor(async () =>
        expect(await inspected()).toMatch(new RegExp(`inspected${sent.toLocaleString('en-GB')}not passed`)),
      );
    }
    // A copy that is being written away is there for a moment as well.
    await waitFor(async () => {
      const kept = (await heapStrings(page)).filter((each) => /^part-\w+\.png$/.test(each));
      expect(kept.length).toBeGreaterThanOrEqual(100);
      // Those of the last rejects are older than the last results.
      expect(kept.length).toBeLessThanOrEqual(100 + 10 + 10);
    });
    expect(await page.locator('#rejects button').count()).toBe(10);
    await page.reload();
    await waitFor(async () => expect(await page.locator('#rejects button').count()).toBe(10));
    await shows(page, 'ratio', /\d\.\d\d ×/);
    expect(await page.locator('#scores').getAttribute('aria-label')).toMatch(/last 100 results/);
    await page.keyboard.press('ArrowLeft');
    await shows(page, 'note', /pictures are no longer kept/);
  });

  it('asks for user and password where the broker wants them, and keeps them out of the address', async () => {
    await broker.stop();
    const folder = await mkdtemp(join(tmpdir(), 'beltsight-passwords-'));
    closers.push(() => rm(folder, { recursive: true }));
    const file = join(folder, 'passwords');
    execFileSync('mosquitto_passwd', ['-b', '-c', file, 'wall', 'secret'], { stdio: 'ignore' });
    const lines = ['allow_anonymous false', `password_file ${file}`, ...webSockets()];
    broker = await startMosquitto({ lines, port: broker.port });
    const { page } = await open(STALE, 'broker refused');
    const asks = () => waitFor(async () => expect(await page.locator('#login').isVisible()).toBe(true));
    await asks();
    // Nothing else on the page would ask again.
    await page.keyboard.press('Escape');
    await asks();
    await page.keyboard.type('wall');
    await page.keyboard.press('Tab');
    await page.keyboard.type('secret');
    await page.keyboard.press('Enter');
    await shows(page, 'word', 'NO DEVICE YET');
    expect(page.url()).not.toMatch(/secret|wall/);
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain('secret');
    // A broker that is back before its users are.
    const known = await readFile(file);
    await broker.stop();
    await writeFile(file, '');
    broker = await startMosquitto({ lines, port: broker.port });
    await shows(page, 'word', 'SIGN IN');
    await asks();
    await page.locator('#username').fill('somebody');
    await writeFile(file, known);
    await broker.signal('SIGHUP');
    await page.waitForFunction(() => !(document.getElementById('login') as HTMLDialogElement).open, undefined, {
      timeout: 60_000,
    });
    await shows(page, 'word', 'NO DEVICE YET');
  });

  it('is served by a device, which it shows, and which files what is marked as a false alarm', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'beltsight-dashboard-'));
    closers.push(() => rm(folder, { recursive: true }));
    await writeTinyBundle(join(folder, 'bundle'));
    await mkdir(join(folder, 'images'));
    const picture = sharp(tinyImage('blue', 255), { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } });
    await picture.toFile(join(folder, 'images', 'bad.png'));
    const port = await freePort();
    await writeFile(
      join(folder, 'device.yaml'),
      `{ site: s, line: l, device: d, bundle: bundle, broker: { url: "${broker.url}" }, statusSeconds: 0.5,
         feedback: { perSecond: 100, burst: 100, reserveMegabytes: 0 },
         dashboard: { port: ${port}, broker: "ws://127.0.0.1:${sockets}" },
         cameras: [{ name: belt, source: { type: folder, path: images, rateHz: 5, loop: true }, frames: true }] }`,
    );
    const running = startDevice('run', '--config', join(folder, 'device.yaml'));
    closers.push(async () => {
      running.process.kill('SIGKILL');
      await running.ended;
    });
    await waitFor(() => expect(running.output()).toContain(`Dashboard on http://127.0.0.1:${port}/`));
    const page = await browser.newPage();
    closers.push(() => page.close());
    await page.goto(`http://127.0.0.1:${port}/`);
    await shows(page, 'word', 'REJECT');
    expect(await text(page, 'product')).toBe('blue');
    await waitFor(async () => expect(await page.locator('#rejects button canvas').count()).toBeGreaterThan(1));
    await page.keyboard.press('ArrowLeft');
    await shows(page, 'replaying', /^REPLAY /);
    await page.keyboard.press('g');
    await shows(page, 'judged', /^Marked as a false alarm: filed as a good blue/);
    const [marked] = await readdir(join(folder, 'state', 'feedback', 'blue', 'train', 'good'));
    expect(marked).toBe(`${await page.locator('#rejects [data-judged=true]').getAttribute('data-id')}.png`);
    running.process.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    await shows(page, 'word', 'DEVICE OFFLINE');
  });
});
