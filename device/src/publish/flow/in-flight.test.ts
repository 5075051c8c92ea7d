import { EventEmitter } from 'node:events';
import type { MqttClient } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { InFlight } from './in-flight.js';

function setUp(receiveMaximum?: number) {
  const clock = { ms: 0 };
  const wire = new EventEmitter();
  const inFlight = new InFlight(() => clock.ms);
  inFlight.follow(wire as unknown as MqttClient);
  inFlight.limit(receiveMaximum);
  const send = (messageId: number, qos = 1) => wire.emit('packetsend', { cmd: 'publish', qos, messageId });
  const acknowledge = (messageId: number) => wire.emit('packetreceive', { cmd: 'puback', messageId });
  return { clock, wire, inFlight, send, acknowledge };
}

describe('InFlight', () => {
  it('counts what was sent with QoS 1 and not acknowledged, and nothing that an earlier connection carried', () => {
    const { inFlight, wire, send, acknowledge } = setUp();
    send(1);
    send(2);
    send(0, 0);
    wire.emit('packetsend', { cmd: 'pingreq' });
    expect(inFlight.count).toBe(2);
    acknowledge(1);
    acknowledge(7);
    expect(inFlight.count).toBe(1);
    wire.emit('close');
    expect(inFlight.count).toBe(0);
  });

  it.each([
    [undefined, 20, 22],
    [65_535, 20, 22],
    [10, 8, 10],
    [2, 1, 2],
    [1, 1, 1],
  ])('with a receive maximum of %s has room for %i from the outbox, %i in all', (receiveMaximum, backlog, all) => {
    const { inFlight, send } = setUp(receiveMaximum);
    let id = 0;
    while (inFlight.freeForBacklog) send(++id);
    expect(id).toBe(backlog);
    while (inFlight.free) send(++id);
    expect(id).toBe(all);
  });

  it('gives each message its own time to be acknowledged, from when it is its turn', () => {
    const { inFlight, clock, send, acknowledge } = setUp();
    expect(inFlight.waitedMs).toBe(0);
    send(1);
    send(2);
    clock.ms = 1000;
    send(3);
    expect(inFlight.waitedMs).toBe(1000);
    acknowledge(2);
    expect(inFlight.waitedMs).toBe(1000);
    acknowledge(1);
    expect(inFlight.waitedMs).toBe(0);
    clock.ms = 5000;
    expect(inFlight.waitedMs).toBe(4000);
    acknowledge(3);
    expect(inFlight.waitedMs).toBe(0);
  });
});
