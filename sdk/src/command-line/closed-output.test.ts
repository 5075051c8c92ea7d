import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { outliveReader } from './closed-output.js';

const failure = (code: string) => Object.assign(new Error(`write ${code}`), { code });

describe('output whose reader has left', () => {
  it('ends nothing, however often something is written', () => {
    const output = new PassThrough();
    outliveReader(output);
    expect(() => output.emit('error', failure('EPIPE'))).not.toThrow();
    expect(() => output.emit('error', failure('EPIPE'))).not.toThrow();
  });

  it('is not taken for a disk that is full', () => {
    const output = new PassThrough();
    outliveReader(output);
    expect(() => output.emit('error', failure('ENOSPC'))).toThrow('ENOSPC');
  });
});
