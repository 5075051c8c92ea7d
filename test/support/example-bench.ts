import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMqtt, InspectionClient, type ResultMessage } from '@beltsight/sdk';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { startMosquitto } from './mosquitto.js';
import { waitFor } from './patience.js';
import { type Running, startDevice } from './processes.js';
import { SCRIPTED, type ScriptedDevice, startScriptedDevice } from './scripted-device.js';
import { TINY_SIZE, tinyImage, writeTinyBundle } from './tiny-bundle.js';

/** A broker and a folder for the tests of one file, and what they do with devices. Everything is ended after each test. */
export class ExampleBench {
  folder = '';
  port = 0;
  readonly #closers: (() => Promise<unknown>)[] = [];
  #broker: Awaited<ReturnType<typeof startMosquitto>> | undefined;

  /** To be called at the top of a test file. */
  static forThisFile(): ExampleBench {
    const bench = new ExampleBench();
    beforeAll(async () => {
      bench.folder = await mkdtemp(join(tmpdir(), 'beltsight-examples-'));
      await bench.startBroker();
    });
    afterEach(async () => {
      for (const close of bench.#closers.splice(0).reverse()) await close();
    });
    afterAll(async () => {
      await bench.#broker?.stop();
      await rm(bench.folder, { recursive: true });
    });
    return bench;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async startBroker(): Promise<void> {
    this.#broker = await startMosquitto({ port: this.port || undefined });
    this.port = this.#broker.port;
  }

  /** A new broker on the same port: it knows nothing of what was. */
  async restartBroker(): Promise<void> {
    await this.#broker?.stop();
    await this.startBroker();
  }

  /** Ends a program after the test. */
  ending(running: Running): Running {
    this.#closers.push(async () => {
      running.process.kill();
      await running.ended;
    });
    return running;
  }

  /** A scripted device, of another line for each test: what is retained of one is nothing to the next. */
  async scripted(line: string): Promise<ScriptedDevice> {
    const device = await startScriptedDevice(this.url, { ...SCRIPTED, line });
    this.#closers.push(() => device.close());
    return device;
  }

  /** Payloads of a topic filter by topic. */
  async hear(filter: string): Promise<(topic: string) => readonly string[]> {
    const client = await connectMqtt(this.url);
    this.#closers.push(() => client.endAsync(true));
    const heard = new Map<string, string[]>();
    client.on('message', (topic, payload) => heard.set(topic, [...(heard.get(topic) ?? []), payload.toString()]));
    await client.subscribeAsync(filter, { qos: 1 });
    return (topic) => heard.get(topic) ?? [];
  }

  /** The device process over a tiny bundle: every second picture is a reject. Resolves with its results once it is through. */
  async inspect(line: string, pictures: number): Promise<ResultMessage[]> {
    const place = join(this.folder, line);
    await writeTinyBundle(join(place, 'bundle'));
    await mkdir(join(place, 'images'));
    for (let i = 0; i < pictures; i++) {
      const pixels = i % 2 === 0 ? tinyImage('red') : tinyImage('blue', 255);
      const raw = { width: TINY_SIZE, height: TINY_SIZE, channels: 3 } as const;
      await sharp(pixels, { raw }).toFile(join(place, 'images', `${i}.png`));
    }
    const config = join(place, 'device.yaml');
    await writeFile(
      config,
      `{ site: plant1, line: ${line}, device: real, bundle: bundle, broker: { url: "${this.url}" },
         cameras: [{ name: belt, source: { type: folder, path: images } }] }`,
    );
    const client = await InspectionClient.connect(this.url, { line });
    const results: ResultMessage[] = [];
    client.on('result', (result) => results.push(result));
    const { ended, output } = startDevice('run', '--config', config);
    expect(await ended, output()).toBe(0);
    await waitFor(() => expect(results).toHaveLength(pictures));
    await client.close();
    return results;
  }
}
