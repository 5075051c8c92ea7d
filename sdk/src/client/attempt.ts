import type { MqttClient, Packet } from 'mqtt';
import { HungUp } from './problem.js';

/**
 * One attempt to connect, from the first byte to the broker's consent.
 * @param begin makes the client connect; its stream is there when it returns
 * @throws Error what went wrong, with the reason code of MQTT or the error code of Node as `code`; {@link HungUp}
 */
export function attempt(client: MqttClient, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let reason: Error | undefined;
    let answered = false;
    const onError = (error: Error) => {
      reason ??= error;
    };
    const onPacket = ({ cmd }: Packet) => {
      answered ||= cmd === 'connack';
    };
    const leave = () => {
      client.off('error', onError);
      client.off('packetreceive', onPacket);
      client.off('connect', onConnect);
      client.off('close', onClose);
    };
    const onConnect = () => {
      leave();
      resolve();
    };
    const onClose = () => {
      leave();
      const ended = 'the broker ended the connection';
      reject(reason ?? (answered ? new Error(ended) : new HungUp(`${ended} without an answer`)));
    };
    client.on('error', onError);
    client.on('packetreceive', onPacket);
    client.on('connect', onConnect);
    client.on('close', onClose);
    try {
      begin();
    } catch (error) {
      leave();
      throw error;
    }
    // The client keeps errors without a code to itself, such as a refused upgrade to WebSocket.
    client.stream.on('error', onError);
  });
}
