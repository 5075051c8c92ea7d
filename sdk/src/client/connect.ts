import type { IClientOptions, MqttClient } from 'mqtt';
import { type ConnectOptions, Link } from './link.js';

/**
 * Connects to a broker with MQTT 5, or with 3.1.1 where the broker does not speak 5. Once connected the client reconnects by
 * itself, for ever, after random waits that grow up to `how.longestWaitMs`; messages in flight are sent again.
 * @param options of the client; a `reconnectPeriod` is the longest wait, 0: it does not reconnect
 * @throws BeltsightError BROKER_UNREACHABLE if there is no broker, or it refuses the connection; what `how.source` throws
 */
export function connectMqtt(url: string, options: IClientOptions = {}, how: ConnectOptions = {}): Promise<MqttClient> {
  return new Link(url, options, how).open();
}
