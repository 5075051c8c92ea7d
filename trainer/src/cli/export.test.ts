import { describe, expect, it } from 'vitest';
import { exportCommand } from './export.js';

describe('beltsight export', () => {
  it('names the precisions there are when given another', async () => {
    const flags = ['--run', 'none', '--out', 'none', '--precision', 'int4'];
    await expect(exportCommand().parseAsync(flags, { from: 'user' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: '--precision int4: give one of fp32, fp16, int8.',
    });
  });
});
