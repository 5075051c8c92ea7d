/** The first Ctrl-C ends the running step and writes a checkpoint; the second ends the process at once. */
export function stopOnSignal() {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      // The signal's own end, not an exit, which would wait for threads and break those that are within ONNX Runtime.
      dispose();
      process.kill(process.pid, signal);
    }
    controller.abort();
    process.stderr.write('\nStopping after this step; once more to stop at once.\n');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const dispose = () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  return { signal: controller.signal, dispose };
}
