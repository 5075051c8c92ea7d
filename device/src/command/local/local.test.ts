import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReplyMessage } from '@beltsight/sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { success } from '../reply.js';
import type { CommandRunner } from '../runner.js';
import { commandName, readArguments } from './arguments.js';
import { callService } from './call.js';
import { socketIn } from './protocol.js';
import { LocalCommands } from './server.js';

const device = { site: 's', line: 'l', device: 'd' };
const request = { schema: 'beltsight.command/1', command: 'status', id: 'a', device } as const;
const run = vi.fn(
  async (command: string, _: unknown, { id }: { id: string }): Promise<ReplyMessage> =>
    success({ command, id, latencyMs: () => 0 }, { done: true }),
);
let folder: string;
let commands: LocalCommands;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-local-'));
  commands = await LocalCommands.open(socketIn(folder), device, { run } as CommandRunner, { warn: vi.fn() });
});
afterAll(async () => {
  await commands.close();
  await rm(folder, { recursive: true });
});

/** What the service answers to bytes that are no request. */
async function send(bytes: Uint8Array | string): Promise<string> {
  const socket = connect(socketIn(folder)).setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  // It may hang up before all is sent.
  socket.on('error', () => undefined);
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}

describe('the local socket', () => {
  it('hands requests to the runner and its reply back', async () => {
    expect(await callService(folder, { ...request, args: { x: 1 } }, 30_000)).toMatchObject({ id: 'a', ok: true });
    expect(run).toHaveBeenLastCalledWith('status', { x: 1 }, { source: 'local', id: 'a' });
  });

  it('answers whatever is sent, and goes on', async () => {
    const before = run.mock.calls.length;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array(), fc.json(), fc.constantFrom('', '\n', 'x'.repeat(100_000))),
        async (bytes) => {
          const text = await send(bytes);
          if (text !== '') expect(JSON.parse(text)).toMatchObject({ ok: false, error: { code: 'MESSAGE_INVALID' } });
        },
      ),
      { numRuns: 200 },
    );
    expect(run.mock.calls).toHaveLength(before);
    expect(await callService(folder, request, 30_000)).toMatchObject({ ok: true });
  });

  it('is not taken from a service that listens already', async () => {
    const second = LocalCommands.open(socketIn(folder), device, { run } as CommandRunner, { warn: vi.fn() });
    await expect(second).rejects.toThrow(/another service listens there/);
    expect(await callService(folder, request, 30_000)).toMatchObject({ ok: true });
  });

  it('says what is wrong where its name is too long', async () => {
    const long = socketIn(join(folder, 'x'.repeat(120)));
    const opened = LocalCommands.open(long, device, { run } as CommandRunner, { warn: vi.fn() });
    await expect(opened).rejects.toThrow(/shorter state folder/);
  });
});

describe('a caller', () => {
  it('is told when no service runs, or none answers, or not in its words', async () => {
    await expect(callService(join(folder, 'none'), request, 1000)).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringMatching(/none\/command\.sock \(ENOENT\).*beltsight-device run/),
    });
    const silent = await mkdtemp(join(folder, 'silent-'));
    let answer: string | undefined;
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      if (answer !== undefined) socket.end(answer);
    }).listen(socketIn(silent));
    await once(server, 'listening');
    await expect(callService(silent, request, 50)).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
    answer = '{"ok":true}';
    await expect(callService(silent, request, 30_000)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    server.close();
  });
});

describe('arguments on a command line', () => {
  it('are text, or JSON where only that fits', () => {
    expect(readArguments('recipe', ['camera=belt', 'class=null'])).toEqual({ camera: 'belt', class: null });
    expect(readArguments('recipe', ['camera=1', 'class=a=b'])).toEqual({ camera: '1', class: 'a=b' });
    expect(readArguments('threshold', ['class=cap', 'falseRejectRate=0.05'])).toEqual({
      class: 'cap',
      falseRejectRate: 0.05,
    });
    expect(readArguments('pause', ['paused=true'])).toEqual({ paused: true });
    // The service says what is wrong with these.
    expect(readArguments('pause', ['paused=yes', 'constructor=1'])).toEqual({ paused: 'yes', constructor: '1' });
  });

  it('are refused where they are no key=value, or come twice; and so is a command that is none', () => {
    for (const words of [['belt'], ['=belt'], ['camera=a', 'camera=b']]) {
      expect(() => readArguments('trigger', words)).toThrow(
        /give each argument of trigger once, as key=value \(camera\)/,
      );
    }
    expect(() => commandName('stop')).toThrow(/no command "stop"; there are recipe/);
    expect(() => commandName('constructor')).toThrow(/no command/);
  });
});
