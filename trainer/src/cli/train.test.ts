import { describe, expect, it } from 'vitest';
import { trainCommand } from './train.js';

describe('beltsight train', () => {
  it.each([
    [[], 'give --data DIR'],
    [['--from', 'bottles-3'], '--from needs --feedback'],
    [['--feedback', 'inbox'], '--feedback needs --from'],
    [['--from', 'bottles-3', '--feedback', 'inbox', '--data', 'products'], 'leave out --data'],
    [['--from', 'bottles-3', '--feedback', 'inbox', '--resume'], 'leave out --from, --feedback.'],
    [
      ['--resume', '--threads', '1', '--epochs', '50', '--data', 'products'],
      'as it was started: leave out --epochs, --data.',
    ],
  ])('says what to give instead of %j', async (flags, message) => {
    await expect(trainCommand().parseAsync(['--out', 'none', ...flags], { from: 'user' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining(message),
    });
  });
});
