import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cudaOptionsSchema, tensorRtOptionsSchema, webGpuOptionsSchema } from '../score/providers/schema.js';
import { updateSchema } from '../update/schema.js';
import { readDeviceConfig } from './read.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

const repository = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
async function read(text: string) {
  const file = join(folder, 'device.yaml');
  await writeFile(file, text);
  return readDeviceConfig(file);
}
const minimal = `site: a
line: b
device: c
bundle: ./bundle
broker: { url: "mqtt://127.0.0.1" }
cameras: [{ name: belt, source: { type: folder, path: images } }]
`;
const counting = (source: string) =>
  minimal.replace('{ type: folder, path: images }', `${source}, outputs: { product: { by: count, frames: 2 } }`);

describe('device configuration', () => {
  it('the commented example is valid', async () => {
    const { cameras } = await readDeviceConfig(repository('device/device.example.yaml'));
    expect(cameras[0]).toMatchObject({ name: 'belt', heatmaps: 'rejects', source: { rateHz: 4 } });
  });

  it('paths count from the folder of the file, and the rest has defaults', async () => {
    const config = await read(minimal);
    expect(config.bundle).toBe(join(folder, 'bundle'));
    const { feedback } = await read(
      `${minimal}feedback: { inbox: { url: 'https://trainer:8090', tokenFile: token } }\n`,
    );
    expect(feedback.inbox?.tokenFile).toBe(join(folder, 'token'));
    expect(config.cameras[0]?.source).toMatchObject({ type: 'folder', path: join(folder, 'images') });
    const { cameras } = await read(counting('{ type: v4l2 }'));
    expect(cameras[0]?.outputs?.product).toEqual({ by: 'count', frames: 2, bad: 1 });
    expect(config).toMatchObject({ statusSeconds: 5, spool: { maxMegabytes: 256, sync: 1 }, log: { level: 'info' } });
  });

  it.each([
    ['an unknown key', `${minimal}statusSecond: 3\n`, /"statusSecond"; did you mean "statusSeconds"/],
    ['a typo below a camera', minimal.replace('path:', 'pth:'), /"cameras\.0\.source\.pth"; did you mean "path"/],
    ['two cameras of one name', minimal.replace(/\[(.*)\]/, '[$1, $1]'), /cameras: two have the same name/],
    ['a name that no topic can hold', minimal.replace('site: a', 'site: a/b'), /site: use 1 to 64 letters/],
    ['an address that is none', minimal.replace('mqtt://', 'http://'), /broker\.url: must look like mqtt/],
    [
      'a password that cuts the address short',
      minimal.replace('mqtt://', 'mqtt://user:pass/word@'),
      /^(?!.*word@).*broker\.url: .*%2F/s,
    ],
    [
      'a proxy to a repository over MQTT',
      `${minimal}update: { root: r, proxy: 'http://p:1' }\n`,
      /update: .*go with url/,
    ],
    [
      'an inbox without a scheme',
      `${minimal}feedback: { inbox: { url: trainer, tokenFile: t } }\n`,
      /feedback\.inbox\.url: .*https/,
    ],
    [
      'counting the frames of a program, which does not number them',
      counting('{ type: csi }'),
      /cameras\.0\.outputs\.product\.by: "count" needs .*"gap"/,
    ],
    [
      'counting frames that a trigger chooses',
      counting('{ type: test }, trigger: software'),
      /cameras\.0\.outputs\.product\.by: "count" needs .*"gap"/,
    ],
    ['broken YAML', `${minimal}  oops: [`, /device\.yaml is no YAML: .*line 7/s],
    ['an empty file', '', /device\.yaml/],
  ])('%s is an error that says where', async (_, text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message });
  });

  it('a file that is not there is named', async () => {
    await expect(readDeviceConfig('/no/such.yaml')).rejects.toThrow(/\/no\/such\.yaml cannot be read/);
  });

  it('paths of updates count from the folder of the file, too', async () => {
    const { update } = await read(`${minimal}update: { root: root.json, url: "https://updates", caFile: /ca.pem }\n`);
    expect(update).toMatchObject({ root: join(folder, 'root.json'), caFile: '/ca.pem', channel: 'stable' });
  });

  it('every key is documented', async () => {
    const page = await readFile(repository('docs/device-config.md'), 'utf8');
    const { deviceConfigSchema } = await import('./schema.js');
    for (const key of Object.keys(deviceConfigSchema.shape)) expect(page).toContain(`\`${key}`);
    for (const key of Object.keys(updateSchema.shape)) expect(page).toContain(`\`${key}`);
    const providers = await readFile(repository('docs/providers.md'), 'utf8');
    for (const { shape } of [tensorRtOptionsSchema, cudaOptionsSchema, webGpuOptionsSchema]) {
      for (const key of Object.keys(shape)) expect(providers).toContain(`| \`${key}\` |`);
    }
  });
});
