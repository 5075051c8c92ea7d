import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDashboard } from './open.js';
import { dashboardSchema } from './schema.js';
import { type DashboardServer, serveDashboard } from './server.js';

let root: string;
let folder: string;
const servers: DashboardServer[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'beltsight-dashboard-'));
  folder = join(root, 'dashboard');
  await mkdir(folder);
  await writeFile(join(root, 'secret.json'), 'secret');
  await writeFile(join(folder, 'index.html'), '<p>page</p>');
  await writeFile(join(folder, 'dashboard.js'), 'script();'.repeat(100));
  await writeFile(join(folder, 'key.pem'), 'secret');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await rm(root, { recursive: true });
});

async function serve(change: object = {}) {
  const config = dashboardSchema.parse({ port: 0 });
  const server = await serveDashboard({ ...config, folder, site: 's', line: 'l', ...change });
  servers.push(server);
  return server;
}

/** The status of a path that is sent as it is written: fetch would tidy it up. */
const statusOf = (base: string, path: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    const { hostname, port } = new URL(base);
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

describe('openDashboard', () => {
  it('serves the page once its port is free, and says once that it was not', async () => {
    const first = await serve();
    const port = Number(new URL(first.url).port);
    const told: string[] = [];
    const log = (...entry: unknown[]) => void told.push(`${entry.at(-1)}`);
    const config = { dashboard: dashboardSchema.parse({ port, host: '127.0.0.1' }), site: 's', line: 'l' };
    const dashboard = openDashboard(config, folder, { info: log, error: log }, 20);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(told[0]).toMatch(/another program uses it/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await servers.pop()?.close();
    await vi.waitFor(() => expect(told.at(-1)).toMatch(/^Dashboard on/), { timeout: 10_000 });
    expect(told).toHaveLength(2);
    expect((await fetch(first.url)).status).toBe(200);
    await dashboard?.close();
    await expect(fetch(first.url)).rejects.toThrow();
  });

  it('ends while it waits', async () => {
    const { url } = await serve();
    const config = { dashboard: dashboardSchema.parse({ port: Number(new URL(url).port), host: '127.0.0.1' }) };
    const silent = { info: () => undefined, error: () => undefined };
    await openDashboard({ ...config, site: 's', line: 'l' }, folder, silent)?.close();
  });
});

describe('serveDashboard', () => {
  it('serves the page with headers that keep everything else out', async () => {
    const { url } = await serve();
    const page = await fetch(url);
    expect(await page.text()).toBe('<p>page</p>');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    const script = await fetch(`${url}dashboard.js?v=1`);
    expect(script.headers.get('content-encoding')).toBe('gzip');
    expect(await script.text()).toBe('script();'.repeat(100));
    const etag = script.headers.get('etag') as string;
    expect((await fetch(`${url}dashboard.js`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('tells the page its line and broker, and lets it connect to no other', async () => {
    const { url } = await serve({ broker: 'wss://broker.plant:9001/mqtt' });
    const settings = await fetch(`${url}settings.json`);
    expect(await settings.json()).toEqual({ site: 's', line: 'l', broker: 'wss://broker.plant:9001/mqtt' });
    expect(settings.headers.get('content-security-policy')).toContain("connect-src 'self' wss://broker.plant:9001;");
  });

  it('serves no other file, however it is asked for', async () => {
    const { url } = await serve();
    const paths = ['/../secret.json', '/%2e%2e/secret.json', '/..%2fsecret.json', '//secret.json', '/./../secret.json'];
    for (const path of [...paths, '/key.pem', '/constructor', '/__proto__', '/dashboard.js/', '/\\..\\secret.json']) {
      expect([path, await statusOf(url, path)]).toEqual([path, 404]);
    }
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('says which port is taken, and that the page is missing', async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    await expect(serve({ port })).rejects.toThrow(new RegExp(`127.0.0.1:${port} .*dashboard.port`));
    await expect(serve({ folder: join(root, 'nothing') })).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});

describe('the configuration of the dashboard', () => {
  it('is local unless it says otherwise, and takes no password', () => {
    expect(dashboardSchema.parse({})).toEqual({ port: 8080, host: '127.0.0.1' });
    for (const broker of ['mqtt://host', 'ws://user:pass@host', "ws://host; script-src 'unsafe-inline'", 'ws://']) {
      expect(dashboardSchema.safeParse({ broker }).success).toBe(false);
    }
  });
});
