import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { resultOf } from '../../../test/support/result-message.js';
import { openInbox } from '../../../trainer/src/inbox/receive.js';
import { serveInbox } from '../../../trainer/src/inbox/server.js';
import { digestOf, KeptFrames } from './frames.js';
import { InboxSender } from './sender.js';

const TOKEN = '0123456789abcdef';
const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
  .png()
  .toBuffer();

let folder: string;
let log: string[];
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-sender-'));
  await writeFile(join(folder, 'token'), `${TOKEN}\n`);
  log = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true });
});

const note = (first: unknown, text = first) => void log.push(String(text));
const logger = { warn: note, info: note };

async function startInbox(port = 0) {
  const server = await serveInbox({
    inbox: await openInbox(join(folder, 'inbox')),
    host: '127.0.0.1',
    port,
    token: TOKEN,
    log: (line) => log.push(line),
  });
  closers.push(() => server.close());
  return server.port;
}

const openFrames = () =>
  KeptFrames.open({
    folder: join(folder, 'rejects'),
    marked: join(folder, 'feedback'),
    ...{ keep: 10, quotaBytes: 1e6, reserveBytes: 0, about: { device: 'd' }, logger },
  });

/** Marks a frame; gives the name of its image. */
async function marked(frames: KeptFrames): Promise<string> {
  const result = resultOf({ verdict: 'reject' });
  const frame = { format: 'RGB24', width: 8, height: 8 };
  await frames.add(
    { schema: 'beltsight.kept-frame/1', result, frame, sha256: digestOf(png), sizeBytes: png.length },
    png,
  );
  await frames.mark(result.id, { judgement: 'false-alarm', class: 'cap', at: '2026-01-02T00:00:00.000Z' });
  return `${result.id}.png`;
}

/** Runs until `stop`. */
function start(frames: KeptFrames, port: number) {
  const inbox = { url: `http://127.0.0.1:${port}`, tokenFile: join(folder, 'token') };
  const sender = new InboxSender({ frames, inbox, about: { device: 'd' }, logger, waitMs: { first: 20, longest: 50 } });
  const ending = new AbortController();
  const running = sender.run(ending.signal);
  const stop = async () => {
    ending.abort();
    await running;
  };
  closers.push(stop);
  return { sender, stop };
}
const inInbox = () => readdir(join(folder, 'inbox', 'cap', 'train', 'good')).catch(() => []);

describe('marked frames', () => {
  it('come to the inbox with what is known of them, once, and are taken away here', async () => {
    const frames = await openFrames();
    const first = await marked(frames);
    const port = await startInbox();
    const { sender } = start(frames, port);
    await waitFor(async () => expect(await inInbox()).toEqual([first]));
    await waitFor(() => expect(frames.waiting).toEqual([]));
    const second = await marked(frames);
    sender.wake();
    await waitFor(() => expect(frames.waiting).toEqual([]));
    expect(await inInbox()).toEqual([first, second]);
    expect(await readdir(join(folder, 'feedback', 'cap', 'train', 'good'))).toEqual([]);
    const about = (await readFile(join(folder, 'inbox', 'cap', 'collected.jsonl'), 'utf8')).trim().split('\n');
    expect(about.map((line) => JSON.parse(line))).toEqual(
      [first, second].map((file) => expect.objectContaining({ file, device: 'd', judgement: 'false-alarm' })),
    );
  });

  it('wait for a token that the inbox knows, and for the next start', async () => {
    const frames = await openFrames();
    const file = await marked(frames);
    const port = await startInbox();
    await writeFile(join(folder, 'token'), 'another-token-00\n');
    const { sender, stop } = start(frames, port);
    await waitFor(() => expect(sender.fault).toMatch(/the token is missing or wrong/));
    await stop();
    expect(await inInbox()).toEqual([]);
    await rm(join(folder, 'token'));
    const { sender: next } = start(await openFrames(), port);
    await waitFor(() => expect(next.fault).toMatch(/feedback\.inbox\.tokenFile: .* cannot be read/));
    await writeFile(join(folder, 'token'), TOKEN);
    await waitFor(async () => expect(await inInbox()).toEqual([file]));
    await waitFor(() => expect(next.fault).toBeUndefined());
    expect(log.filter((line) => /the token is missing or wrong.*tried again/.test(line))).toHaveLength(1);
  });

  it('do not wait for one that the inbox does not take', async () => {
    const frames = await openFrames();
    const [bad, good] = [await marked(frames), await marked(frames)];
    await mkdir(join(folder, 'inbox', 'cap', 'train', 'good'), { recursive: true });
    await writeFile(join(folder, 'inbox', 'cap', 'train', 'good', bad), 'another picture of that name');
    const { sender } = start(frames, await startInbox());
    await waitFor(() => expect(sender.fault).toMatch(/is there already, and is another picture/));
    await waitFor(async () => expect(await inInbox()).toEqual([bad, good]));
    await waitFor(() => expect(frames.waiting).toHaveLength(1));
  });

  it('sent by another way are not sent again', async () => {
    const frames = await openFrames();
    const file = await marked(frames);
    await mkdir(join(folder, 'inbox', 'cap', 'train', 'good'), { recursive: true });
    await writeFile(join(folder, 'inbox', 'cap', 'train', 'good', file), png);
    start(frames, await startInbox());
    await waitFor(() => expect(frames.waiting).toEqual([]));
    expect(await readdir(join(folder, 'inbox', 'cap'))).toEqual(['train']);
  });
});
