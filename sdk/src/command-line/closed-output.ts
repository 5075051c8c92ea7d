/**
 * Who reads the output may leave before the end, as head does. What a command has begun it finishes all the same, files and exit status
 * included: only nobody is told any more.
 */
export function outliveReader(output: {
  on(event: 'error', listener: (error: Error & { readonly code?: string }) => void): unknown;
}): void {
  output.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
