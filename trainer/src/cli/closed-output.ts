/**
 * Who reads the output may leave before the end, as head does. What a command has begun it finishes all the same, files and exit status
 * included: only nobody is told any more.
 */
export function outliveReader(output: NodeJS.WritableStream): void {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
