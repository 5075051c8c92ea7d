import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import { socketAddress, Watchdog } from './watchdog.js';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t addressBytes)');
const recv = libc.func('long recv(int fd, void *data, size_t bytes, int flags)');
const closeFd = libc.func('int close(int fd)');
const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];

let folder: string;
const closers: (() => void)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-watchdog-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A socket as systemd holds it; answers with the messages that have arrived since the last call. */
function systemd(name: string): () => string[] {
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = socketAddress(name);
  expect(bind(fd, address, address.length)).toBe(0);
  closers.push(() => closeFd(fd));
  return () => {
    const messages: string[] = [];
    const data = Buffer.alloc(4096);
    for (let bytes = 0; ; messages.push(data.toString('utf8', 0, bytes))) {
      bytes = recv(fd, data, data.length, MSG_DONTWAIT);
      if (bytes < 0) return messages;
    }
  };
}

function open(environment: Record<string, string>, alive = () => true) {
  const logger = { warn: vi.fn() };
  const watchdog = Watchdog.open({ alive, logger, environment });
  closers.push(() => watchdog.close());
  return { watchdog, logger };
}

describe('Watchdog', () => {
  it.each([
    ['a path', () => join(folder, 'notify')],
    ['an abstract name', () => `@beltsight/watchdog/${process.pid}`],
  ])('tells systemd at %s what the service does', (_, nameOf) => {
    const name = nameOf();
    const received = systemd(name);
    const { watchdog, logger } = open({ NOTIFY_SOCKET: name });
    watchdog.ready('Inspecting with model "tiny"');
    watchdog.status('Camera "belt" failed:\n  no such folder');
    watchdog.stopping();
    expect(received()).toEqual([
      'READY=1\nSTATUS=Inspecting with model "tiny"',
      'STATUS=Camera "belt" failed: no such folder',
      'STOPPING=1',
    ]);
    expect(logger.warn).not.toHaveBeenCalled();
  });

  it('says that it is alive as long as it is, from when it is ready until it is closed', async () => {
    const name = join(folder, 'alive');
    const received = systemd(name);
    let alive = true;
    const { watchdog } = open({ NOTIFY_SOCKET: name, WATCHDOG_USEC: '40000' }, () => alive);
    await sleep(100);
    expect(received()).toEqual([]);
    watchdog.ready('Inspecting');
    expect(received()).toHaveLength(1);
    await waitFor(() => expect(received()).toContain('WATCHDOG=1'));
    alive = false;
    received();
    await sleep(100);
    expect(received()).toEqual([]);
    alive = true;
    await waitFor(() => expect(received()).toContain('WATCHDOG=1'));
    watchdog.close();
    received();
    await sleep(100);
    expect(received()).toEqual([]);
  });

  it('asks twice within the time that systemd allows', () => {
    vi.useFakeTimers();
    closers.push(() => vi.useRealTimers());
    const name = join(folder, 'period');
    const received = systemd(name);
    open({ NOTIFY_SOCKET: name, WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }).watchdog.ready('');
    received();
    vi.advanceTimersByTime(60_000);
    expect(received()).toEqual(Array(4).fill('WATCHDOG=1'));
  });

  it('leaves the word to the process that systemd watches', async () => {
    const name = join(folder, 'other');
    const received = systemd(name);
    open({ NOTIFY_SOCKET: name, WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }).watchdog.ready('Inspecting');
    await sleep(60);
    expect(received()).toEqual(['READY=1\nSTATUS=Inspecting']);
  });

  it('does nothing when systemd did not start it', async () => {
    const alive = vi.fn(() => true);
    const { watchdog, logger } = open({ WATCHDOG_USEC: '20000' }, alive);
    watchdog.ready('Inspecting');
    watchdog.stopping();
    await sleep(60);
    expect(alive).not.toHaveBeenCalled();
    expect(logger.warn).not.toHaveBeenCalled();
  });

  it('goes on when systemd does not listen, and says so', () => {
    const { watchdog, logger } = open({ NOTIFY_SOCKET: join(folder, 'nobody') });
    watchdog.ready('Inspecting');
    expect(logger.warn.mock.calls).toEqual([[expect.stringMatching(/"READY=1".*nobody answers ENOENT/)]]);
  });

  it('refuses an environment that systemd would not set', () => {
    expect(() => open({ NOTIFY_SOCKET: 'notify' })).toThrow(/must be a path[\s\S]*NOTIFY_SOCKET/);
    expect(() => open({ NOTIFY_SOCKET: `/${'x'.repeat(108)}` })).toThrow(/shorter than 108 bytes/);
    expect(() => open({ WATCHDOG_USEC: 'soon' })).toThrow(/WATCHDOG_USEC/);
  });
});
