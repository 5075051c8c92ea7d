import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import { BeltsightError } from '../errors.js';

const RECONNECT_MS = 1000;

/** CONNACK codes for "I do not speak this version": MQTT 3.1.1 section 3.2.2.3 and MQTT 5 section 3.2.2.2. */
const UNSUPPORTED_VERSION = [1, 132];

export interface ConnectOptions {
  /** How long the first answer may take; default 10 s. */
  readonly timeoutMs?: number | undefined;
  /** Hears the broker's CONNACK, with its limits, at the first and at every later connection. */
  readonly connected?: (packet: IConnackPacket) => void;
}

/**
 * Connects to a broker with MQTT 5, or with 3.1.1 where the broker does not speak 5. Once connected the client reconnects by
 * itself, every `reconnectPeriod` ms.
 * @throws BeltsightError BROKER_UNREACHABLE if there is no broker, or it refuses the connection
 */
export async function connectMqtt(
  url: string,
  options: IClientOptions = {},
  { timeoutMs = 10_000, connected }: ConnectOptions = {},
): Promise<MqttClient> {
  const attemptVersion = (protocolVersion: 4 | 5) =>
    attempt(url, { ...options, protocolVersion }, timeoutMs, connected);
  try {
    return await attemptVersion(5).catch((error: unknown) => {
      if (!(error instanceof VersionRefused)) throw error;
      return attemptVersion(4);
    });
  } catch (cause) {
    throw new BeltsightError(
      'BROKER_UNREACHABLE',
      `The MQTT broker at ${withoutPassword(url)} cannot be reached (${reasonOf(cause)}): check its address, credentials, and that it runs.`,
      { cause },
    );
  }
}

/** An address fit for messages and logs. */
export function withoutPassword(url: string): string {
  return url.replace(/(:\/\/)[^/@]*@/, '$1***@');
}

class VersionRefused extends Error {}

function attempt(
  url: string,
  options: IClientOptions,
  timeoutMs: number,
  connected: ConnectOptions['connected'],
): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    // No reconnecting before the first success: whoever called decides about that.
    const client = mqtt.connect(url, { ...options, reconnectPeriod: 0, connectTimeout: timeoutMs });
    if (connected) client.on('connect', connected);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    let answered = false;
    const fail = (error: Error) => {
      clearTimeout(timer);
      client.end(true);
      reject(error);
    };
    client.once('connect', () => {
      clearTimeout(timer);
      client.off('error', onError);
      client.off('close', onClose);
      // An error without a listener would end the process; the next one belongs to whoever has the client.
      client.on('error', () => undefined);
      client.options.reconnectPeriod = options.reconnectPeriod ?? RECONNECT_MS;
      resolve(client);
    });
    const onError = (error: Error & { code?: unknown }) => {
      answered = true;
      fail(UNSUPPORTED_VERSION.includes(error.code as number) ? new VersionRefused(error.message) : error);
    };
    // Some brokers hang up on a version that they do not know.
    const onClose = () => {
      if (!answered) fail(new VersionRefused('the broker hung up'));
    };
    client.once('error', onError);
    client.once('close', onClose);
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return (error as Error).message || String((error as { code?: unknown }).code ?? error);
}
