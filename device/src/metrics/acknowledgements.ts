import type { MqttClient, Packet } from 'mqtt';
import type { Connect } from '../publish/publisher.js';

/** More are never in flight: a broker that acknowledges nothing must not fill the memory. */
const MOST_IN_FLIGHT = 1000;

/**
 * Hears of every QoS 1 message how many milliseconds the broker took to acknowledge it. What is sent again on a new connection counts
 * from there.
 */
export function timed(connect: Connect, acknowledged: (ms: number) => void): Connect {
  return async (connected, signal) => {
    const client = await connect(connected, signal);
    listen(client, acknowledged);
    return client;
  };
}

function listen(client: MqttClient, acknowledged: (ms: number) => void): void {
  const sent = new Map<number, number>();
  client.on('packetsend', (packet: Packet) => {
    if (packet.cmd !== 'publish' || packet.qos !== 1 || packet.messageId === undefined) return;
    sent.set(packet.messageId, performance.now());
    if (sent.size > MOST_IN_FLIGHT) sent.delete(sent.keys().next().value as number);
  });
  client.on('packetreceive', (packet: Packet) => {
    if (packet.cmd !== 'puback' || packet.messageId === undefined) return;
    const at = sent.get(packet.messageId);
    sent.delete(packet.messageId);
    if (at !== undefined) acknowledged(performance.now() - at);
  });
  client.on('close', () => sent.clear());
}
