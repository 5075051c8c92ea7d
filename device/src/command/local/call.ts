import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { BeltsightError, type ReplyMessage, replySchema } from '@beltsight/sdk';
import { type LocalRequest, socketIn } from './protocol.js';

/** Where the service of a packaged device keeps its state, whoever asks. */
const PACKAGED_STATE = '/var/lib/beltsight/state';
/** No reply is longer. */
const MAX_REPLY_BYTES = 2 ** 20;

/**
 * Has a service on this device carry out a command.
 * @param state folder of the service, as its configuration names it
 * @throws BeltsightError SERVICE_UNREACHABLE if none runs or the user may not command it, COMMAND_TIMEOUT, MESSAGE_INVALID
 */
export async function callService(state: string, request: LocalRequest, timeoutMs: number): Promise<ReplyMessage> {
  const own = socketIn(state);
  const packaged = socketIn(PACKAGED_STATE);
  const path = !existsSync(own) && existsSync(packaged) ? packaged : own;
  const line = await ask(path, `${JSON.stringify(request)}\n`, timeoutMs);
  try {
    return replySchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new BeltsightError('MESSAGE_INVALID', `What ${path} answered is no reply of this version.`, { cause });
  }
}

function ask(path: string, line: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      const message = `The service has not answered within ${timeoutMs / 1000} s; it may still carry it out. Ask for its status.`;
      socket.destroy(new BeltsightError('COMMAND_TIMEOUT', message));
    }, timeoutMs);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.end(line));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REPLY_BYTES)
        socket.destroy(new BeltsightError('MESSAGE_INVALID', `${path} answers no end.`));
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(error instanceof BeltsightError ? error : unreachable(path, error));
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

function unreachable(path: string, cause: Error & { code?: unknown }): BeltsightError {
  const remedy =
    cause.code === 'EACCES'
      ? 'run this as the user of the service, such as sudo -u beltsight, or join its group'
      : 'start it with beltsight-device run, give the configuration that it runs with, or run this as its user, such as sudo -u beltsight';
  const what = cause.code === 'EACCES' ? 'You may not command the service' : 'No service takes commands';
  return new BeltsightError('SERVICE_UNREACHABLE', `${what} at ${path} (${cause.code ?? cause.message}): ${remedy}.`, {
    cause,
  });
}
