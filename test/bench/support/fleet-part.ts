/** Some of the devices of the fleet benchmark: FOLDER REPOSITORY BROKER DEVICES PARTS PART RELEASE. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { connectMqtt, type DeviceAddress } from '@beltsight/sdk';
import { blobPath, releaseSchema, targetFile } from '@beltsight/sdk/release';
import { HttpTransport } from '../../../device/src/update/source/http.js';
import { startFleetDevice } from '../../support/fleet-device.js';

/** Where the devices of a fleet are: fifty a line, ten lines a site. */
export function addressesOf(devices: number): DeviceAddress[] {
  return Array.from({ length: devices }, (_, i) => ({
    site: `site${Math.floor(i / 500)}`,
    line: `line${Math.floor(i / 50) % 10}`,
    device: `device${i}`,
  }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));

async function main([folder = '', url = '', broker = '', devices, parts, part]: string[]): Promise<void> {
  const mine = addressesOf(Number(devices)).filter((_, i) => i % Number(parts) === Number(part));
  const client = await connectMqtt(broker);
  client.on('message', (_, release) => {
    for (const { device } of mine) {
      void untilDone(() => fetchAll(String(release), folder, url)).then(() =>
        client.publish('bench/fetched', device, { qos: 1 }),
      );
    }
  });
  await client.subscribeAsync('bench/fetch', { qos: 1 });
  for (const address of mine) {
    await startFleetDevice({
      address,
      broker,
      folder: join(folder, 'devices', address.device),
      factory: join(folder, 'factory'),
      root: join(folder, 'releases/repository/metadata/1.root.json'),
      url,
      belt: { products: 25, everyMs: 1250 },
    });
  }
  console.log(`ready ${mine.length}`);
  setInterval(() => console.log(`memory ${Math.round(process.memoryUsage.rss() / 1e6)}`), 1000);
}

/** Tries again after a second, as a server that is asked by all at once lets some wait too long. */
async function untilDone(action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await action();
    } catch {
      await sleep(1000);
    }
  }
}

/** What an update fetches, without verifying, storing or switching. */
async function fetchAll(release: string, folder: string, url: string): Promise<void> {
  const transport = new HttpTransport({ url });
  const bytes = async (path: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of transport.read(path, 0, AbortSignal.timeout(600_000))) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  for (const name of ['timestamp', '1.snapshot', '1.targets']) await bytes(`metadata/${name}.json`);
  const target = join(folder, 'releases/repository/targets', release, '..');
  const file = (await readdir(target)).find((each) => release.endsWith(each.slice(65))) ?? '';
  const document = await bytes(targetFile(release, file.slice(0, 64)));
  const { files } = releaseSchema.parse(JSON.parse(document.toString()));
  const digests = new Set(Object.values(files).map(({ sha256 }) => sha256));
  for (const digest of digests) await bytes(blobPath(digest));
}
