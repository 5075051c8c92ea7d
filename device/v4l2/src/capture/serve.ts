import type { MessagePort } from 'node:worker_threads';
import { errorRecord } from '../errors.js';
import type { Libc } from '../libc.js';
import type { CameraOptions } from './options.js';
import type { FromThread, ThreadCalls, ToThread } from './protocol.js';
import { CaptureSession } from './session.js';

/** Captures until it is told to end or fails, answering between frames. The port is closed, and nothing is left behind, when it ends. */
export function serve(port: MessagePort, options: CameraOptions, libc: Libc): void {
  const send = (message: FromThread) => port.postMessage(message);
  let session: CaptureSession;
  try {
    session = CaptureSession.open(libc, options);
  } catch (error) {
    send({ type: 'failed', error: errorRecord(error) });
    port.close();
    return;
  }
  const { device, format, frames } = session;
  let running = true;
  const end = () => {
    running = false;
    session.close();
    port.close();
  };
  port.on('message', (message: ToThread) => {
    if (!running) return;
    if (message.type === 'close') end();
    else send(answer(device, message));
  });
  const loop = () => {
    if (!running) return;
    try {
      if (session.step()) send({ type: 'frame' });
    } catch (error) {
      // The device is set free before anybody hears of it: who opens it anew at once must not find it busy.
      running = false;
      session.close();
      send({ type: 'failed', error: errorRecord(error) });
      port.close();
      return;
    }
    // Messages come in between.
    setImmediate(loop);
  };
  send({ type: 'opened', opened: { path: device.path, capabilities: device.capabilities, format, frames } });
  setImmediate(loop);
}

function answer(calls: ThreadCalls, { id, method, args }: Extract<ToThread, { type: 'call' }>): FromThread {
  try {
    const call = calls[method].bind(calls) as (...args: readonly unknown[]) => unknown;
    return { type: 'answer', id, value: call(...args) };
  } catch (error) {
    return { type: 'refusal', id, error: errorRecord(error) };
  }
}
