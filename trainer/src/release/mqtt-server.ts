import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { connectMqtt, encodePiece, fetchSchema, type Piece, parseTopic, topicsOf } from '@beltsight/sdk';
import type { IClientOptions } from 'mqtt';
import { mayRead } from './access.js';

export interface MqttServeOptions {
  /** Folder of the repository. */
  readonly folder: string;
  readonly url: string;
  readonly mqtt?: IClientOptions;
  readonly log: (line: string) => void;
}

/** Pieces being read or sent at once; who asks for more is told to come again. */
const MOST_AT_ONCE = 32;

/**
 * Serves a repository to devices over MQTT alone. A device reads what is for all, for its site and for its line: the broker's rights must see to it
 * that nobody publishes below another device's topics.
 * @throws BeltsightError BROKER_UNREACHABLE
 */
export async function serveOverMqtt({
  folder,
  url,
  mqtt = {},
  log,
}: MqttServeOptions): Promise<{ close: () => Promise<void> }> {
  const client = await connectMqtt(url, mqtt);
  let atOnce = 0;
  client.on('message', (topic, payload) => {
    const address = parseTopic(topic);
    if (address?.kind !== 'update/fetch') return;
    const request = fetchSchema.safeParse(jsonOf(payload));
    if (!request.success) {
      log(`${topic}: no request for a piece`);
      return;
    }
    const { id, path, offset, length } = request.data;
    const answer = (piece: Omit<Piece, 'id'>) =>
      client.publishAsync(topicsOf(address).updatePiece, Buffer.from(encodePiece({ id, ...piece })), { qos: 1 });
    const respond = async () => {
      if (atOnce > MOST_AT_ONCE) return answer({ status: 'busy', sizeBytes: 0, bytes: new Uint8Array() });
      if (path.includes('..') || !mayRead(address, path)) return answer(ABSENT);
      return answer(await pieceOf(join(folder, path), offset, length));
    };
    atOnce++;
    respond()
      .catch((error: Error) => log(`${topic}: ${path}: ${error.message}`))
      .finally(() => atOnce--);
  });
  await client.subscribeAsync('beltsight/1/+/+/+/update/fetch', { qos: 1 });
  return { close: () => client.endAsync() };
}

const ABSENT = { status: 'absent', sizeBytes: 0, bytes: new Uint8Array() } as const;

async function pieceOf(file: string, offset: number, length: number): Promise<Omit<Piece, 'id'>> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!handle) return ABSENT;
  try {
    const { size, isFile } = await handle.stat().then((stats) => ({ size: stats.size, isFile: stats.isFile() }));
    if (!isFile) return ABSENT;
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
    return { status: 'ok', sizeBytes: size, bytes: bytes.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}

function jsonOf(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
