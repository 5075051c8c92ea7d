import { mistypedFirst } from '@beltsight/sdk';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { runCommand } from './run.js';

/** What is said of a command line that is refused. */
async function refusal(...words: string[]): Promise<string> {
  const said: string[] = [];
  const run = runCommand(new URL('file:///dashboard/'))
    .exitOverride()
    .configureOutput({ writeErr: (text) => said.push(text) });
  const program = mistypedFirst(new Command('beltsight-device').addCommand(run));
  await program.parseAsync(['run', ...words], { from: 'user' }).catch(() => undefined);
  return said.join('');
}

describe('an option that must be given', () => {
  it('is named as the one that was meant where it is mistyped', async () => {
    expect(await refusal('--confg', 'device.yaml')).toBe("error: unknown option '--confg'\n(Did you mean --config?)\n");
    expect(await refusal('--confg=device.yaml')).toMatch(/unknown option '--confg'\n\(Did you mean --config\?\)/);
  });

  it('is missing where there is nothing else', async () => {
    expect(await refusal('--dry-run')).toMatch(/required option '--config <file>' not specified/);
  });

  it('is not guessed at', async () => {
    expect(await refusal('--elephants')).toBe("error: unknown option '--elephants'\n");
  });
});
