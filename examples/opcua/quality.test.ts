import { StatusCodes } from 'node-opcua';
import { expect, it } from 'vitest';
import { qualityOf } from './quality.js';

const online = { connected: true, state: 'online', silentMs: 10 } as const;

it.each([
  ['good while the device is heard', online, StatusCodes.Good],
  ['good of a device with a failed camera: the others inspect', { ...online, state: 'degraded' }, StatusCodes.Good],
  ['bad once the device is offline', { ...online, state: 'offline' }, StatusCodes.BadNoCommunication],
  ['uncertain when the device is silent', { ...online, silentMs: 1001 }, StatusCodes.UncertainLastUsableValue],
  [
    'uncertain while the broker is away, whatever was known before',
    { ...online, connected: false, state: 'offline' },
    StatusCodes.UncertainNoCommunicationLastUsableValue,
  ],
] as const)('quality is %s', (_, knowledge, code) => {
  expect(qualityOf(knowledge, 1000)).toBe(code);
});
