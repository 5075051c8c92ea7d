import { mistypedFirst } from '@beltsight/sdk';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { evaluateCommand } from './evaluate.js';

/** What is said of a command line that is refused. */
async function refusal(...words: string[]): Promise<string> {
  const said: string[] = [];
  const evaluate = evaluateCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => said.push(text) });
  const program = mistypedFirst(new Command('beltsight').addCommand(evaluate));
  await program.parseAsync(['evaluate', ...words], { from: 'user' }).catch(() => undefined);
  return said.join('');
}

describe('an option that must be given', () => {
  it('is named as the one that was meant where it is mistyped', async () => {
    expect(await refusal('--bundel', 'bundles/first', '--data', 'products')).toBe(
      "error: unknown option '--bundel'\n(Did you mean --bundle?)\n",
    );
    expect(await refusal('--bundel=bundles/first')).toMatch(/unknown option '--bundel'\n\(Did you mean --bundle\?\)/);
  });

  it('is missing where there is nothing else', async () => {
    expect(await refusal('--data', 'products')).toMatch(/required option '--bundle <bundle>' not specified/);
  });

  it('is not guessed at', async () => {
    expect(await refusal('--elephants')).toBe("error: unknown option '--elephants'\n");
  });
});
