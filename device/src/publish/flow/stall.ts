import type { MqttClient } from 'mqtt';
import type { Logger } from 'pino';
import type { InFlight } from './in-flight.js';

/** An acknowledgement may take so long, or one and a half times the keepalive where that is longer. */
const PATIENCE_MS = 30_000;

/**
 * Ends a connection over which the broker answers pings and acknowledges nothing, as some do who are asked too much: the client
 * connects anew, and sends again what is in flight.
 * @returns what ends the watch
 */
export function watchForStall(
  client: MqttClient,
  inFlight: Pick<InFlight, 'count' | 'waitedMs'>,
  logger: Pick<Logger, 'warn'>,
  patienceMs?: number,
): () => void {
  const timer = setInterval(
    () => {
      const waitedMs = Math.round(inFlight.waitedMs);
      if (waitedMs <= (patienceMs ?? Math.max(PATIENCE_MS, 1500 * client.keepalive))) return;
      logger.warn(
        { unacknowledged: inFlight.count, waitedMs },
        'The broker is there but does not acknowledge messages: connecting anew, to send them again. Does it throttle this device?',
      );
      client.stream.destroy();
    },
    (patienceMs ?? PATIENCE_MS) / 30,
  ).unref();
  return () => clearInterval(timer);
}
