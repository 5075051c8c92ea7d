import { describe, expect, it } from 'vitest';
import { askWithin, silence } from './command.js';
import { withMachine } from './fixtures/fixture.js';
import { LocalMachine, readNumber } from './machine.js';

describe('a command', () => {
  const node = (script: string, limitMs = 20_000) => askWithin(limitMs, process.execPath, ['-e', script]);

  it('is answered with its output and status', async () => {
    const answer = await node('console.log("out"); console.error("wrong"); process.exit(3)');
    expect(answer).toEqual({ state: 'ended', status: 3, output: 'out\n', errors: 'wrong\n' });
    expect(silence('node', answer)).toBe('node ended with status 3 (wrong)');
  });

  it('is missing where it is not installed', async () => {
    const answer = await askWithin(5000, 'beltsight-no-such-command', []);
    expect(silence('it', answer)).toBe('it is not installed');
  });

  it('is late, and killed with what it started, when it hangs', async () => {
    const started = performance.now();
    const child = `require("child_process").spawn("sleep", ["30"], { stdio: "inherit" }); setTimeout(() => {}, 30000)`;
    expect(await node(child, 500)).toEqual({ state: 'late' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('may say more than anybody wants to read', async () => {
    const answer = await node('process.stdout.write("x".repeat(5e6))');
    expect(answer.state === 'ended' && answer.output.length).toBe(2 ** 20);
  });

  it('is run without a shell', async () => {
    expect(await new LocalMachine().run('echo', '$HOME;', '`id`')).toMatchObject({ output: '$HOME; `id`\n' });
  });
});

describe('a machine', () => {
  const files = { '/a/2': '12\n', '/a/10': 'twelve', '/a/1': '-5\n' };

  it('lists folders in the order of numbers, and reads files within its root', async () => {
    await withMachine({ files, commands: {} }, async (machine) => {
      expect(await machine.list('/a')).toEqual(['1', '2', '10']);
      expect(await machine.list('/none')).toEqual([]);
      expect(await machine.read('/a/10')).toBe('twelve');
      expect(await machine.read('/a')).toBeUndefined();
      expect(await readNumber(machine, '/a/1')).toBe(-5);
      expect(await readNumber(machine, '/a/10')).toBeUndefined();
    });
  });
});
