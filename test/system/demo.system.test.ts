import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, type Running, start } from '../support/processes.js';

describe('npm run demo -- --once', () => {
  it('prints the confusion table and ends with 0: the detector beats its bar', async () => {
    // As a person runs it. Training takes minutes the first time.
    const running = start('npm', ['run', '--silent', 'demo', '--', '--once']);
    expect(await running.ended, running.output()).toBe(0);
    expect(running.output()).toMatch(/class +truth +pass +reject[\s\S]*pcb +good[\s\S]*ok +meanImageAuroc/);
  });
});

describe('npm run demo', () => {
  let browser: Browser;
  let running: Running;
  let address: string;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const port = await freePort();
    running = start(process.execPath, ['examples/dist/demo.js', '--port', String(port), '--rate', '3']);
    address = `http://127.0.0.1:${port}/`;
    await vi.waitFor(() => expect(running.output()).toContain(`Open ${address}`), { timeout: 400_000, interval: 200 });
  });
  afterAll(async () => {
    running.process.kill('SIGKILL');
    await browser.close();
  });

  it('shows frame, heatmap, score, verdict, class, rate and trend, live; then ends cleanly on Ctrl-C', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(address);
    const text = async (id: string) => (await page.locator(`#${id}`).textContent()) ?? '';
    await page.waitForFunction(() => Number(document.getElementById('inspected')?.textContent) >= 15, undefined, {
      timeout: 60_000,
    });
    expect(await text('verdict')).toMatch(/PASS|REJECT|UNKNOWN/);
    expect(await text('product')).toMatch(/biscuit|cap|pcb/);
    expect(await text('score')).toMatch(/^\d+\.\d{3} \/ \d+\.\d{3}$/);
    expect(await text('rate')).toMatch(/^[1-9]\.\d \/ s/);
    expect(await text('connection')).toContain('demo / line1 / device1 is online');
    const colours = (id: string) =>
      page.evaluate((name) => {
        const canvas = document.getElementById(name) as HTMLCanvasElement;
        const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
          0,
          0,
          canvas.width,
          canvas.height,
        );
        return new Set(new Uint32Array(data.buffer)).size;
      }, id);
    expect(await colours('frame')).toBeGreaterThan(500);
    expect(await colours('trend')).toBeGreaterThan(3);
    // A product that did not pass, held and looked at with and without its heatmap.
    await page.locator('#rejects button').first().click({ timeout: 60_000 });
    const shown = () => page.locator('#frame').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const withHeatmap = await shown();
    await page.locator('#overlay').uncheck();
    expect(await shown()).not.toBe(withHeatmap);
    await page.keyboard.press('Escape');
    expect(await page.locator('#live').isHidden()).toBe(true);
    expect(requests.every((url) => url.startsWith(address) || url.startsWith('data:') || url.startsWith('blob:'))).toBe(
      true,
    );
    expect(errors).toEqual([]);
    running.process.kill('SIGINT');
    expect(await running.ended).toBe(0);
    await page.waitForFunction(() => document.body.classList.contains('fault'));
    expect(await text('connection')).toMatch(/broker is gone|offline/);
  });
});
