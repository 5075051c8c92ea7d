import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY_SIZE, tinyImage, writeTinyBundle } from '../../../test/support/tiny-bundle.js';
import { examine } from './examine.js';
import { ended, withMachine } from './fixtures/fixture.js';
import { ORIN } from './fixtures/orin.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-doctor-'));
  await writeTinyBundle(join(folder, 'bundle'));
  await mkdir(join(folder, 'images'));
  await sharp(tinyImage('red'), { raw: { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } }).toFile(
    join(folder, 'images', 'red.png'),
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function examineWith(text: string) {
  const file = join(folder, 'device.yaml');
  await writeFile(file, text);
  const df = { [`df -P -k ${join(folder, 'bundle')}`]: ended('header\n/dev/mmcblk0p1  9999 99 512000   2% /data\n') };
  return withMachine({ ...ORIN, commands: { ...ORIN.commands, ...df } }, (machine) => examine(machine, file));
}

const config = `site: a
line: b
device: c
bundle: bundle
broker: { url: "mqtt://127.0.0.1:1" }
cameras:
  - { name: belt, source: { type: folder, path: images } }
  - { name: rail, source: { type: folder, path: nowhere } }
`;

describe('doctor with a configuration', () => {
  it('checks bundle, cameras and broker, and the disk that the bundle lies on', async () => {
    const findings = await examineWith(config);
    expect(findings.slice(-5)).toMatchObject([
      { level: 'ok', what: 'configuration', text: 'is valid' },
      { level: 'ok', what: 'bundle', text: expect.stringMatching(/^"tiny", model .* golden samples/) },
      { level: 'ok', what: 'camera belt', text: join(folder, 'images') },
      { level: 'fault', what: 'camera rail', text: expect.stringMatching(/nowhere/) },
      { level: 'fault', what: 'broker', text: expect.stringMatching(/ECONNREFUSED/) },
    ]);
    expect(findings.find(({ what }) => what === 'disk space')).toMatchObject({
      level: 'warning',
      text: '500 MiB free on /data (/dev/mmcblk0p1, 2 % used)',
    });
  });

  it('looks at the device all the same if the configuration is wrong', async () => {
    const findings = await examineWith(config.replace('site:', 'sight:'));
    expect(findings[0]).toMatchObject({ level: 'ok', what: 'device' });
    expect(findings.at(-1)).toMatchObject({
      level: 'fault',
      what: 'configuration',
      text: expect.stringMatching(/unknown key "sight"/),
    });
  });

  it('loads the ONNX Runtime that the configuration names', async () => {
    const findings = await examineWith(`${config}runtime: { library: missing.so }\n`);
    expect(findings.find(({ what }) => what === 'ONNX Runtime')).toMatchObject({
      level: 'fault',
      text: expect.stringMatching(/missing\.so/),
    });
  });
});
