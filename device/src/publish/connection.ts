import { readFile } from 'node:fs/promises';
import { BeltsightError, connectMqtt } from '@beltsight/sdk';
import type { IClientOptions } from 'mqtt';
import type { DeviceConfig } from '../config/schema.js';
import type { Connect } from './publisher.js';

/**
 * How the device connects: as itself, with a last will that is retained unless it says otherwise. Secrets are read anew at every attempt.
 * @param will the status that the broker publishes when the device is gone, made when the connection is opened; none for a
 * connection that only looks whether the broker is there
 */
export function connectionOf(
  { site, line, device, broker }: DeviceConfig,
  will: (() => { topic: string; payload: Buffer; retain?: boolean }) | undefined,
): Connect {
  return async (connected) => {
    const lastWill = will?.();
    const clientId = broker.clientId ?? `beltsight-${site}-${line}-${device}`;
    const options: IClientOptions = {
      // A look must not throw the running device off the broker.
      clientId: lastWill ? clientId : `${clientId}-check`,
      ...(lastWill ? { will: { qos: 1, retain: true, ...lastWill } } : {}),
      ...(broker.username === undefined ? {} : { username: broker.username }),
      ...(broker.passwordFile === undefined ? {} : { password: await firstLine(broker.passwordFile) }),
      ...(broker.caFile === undefined ? {} : { ca: await secret(broker.caFile) }),
    };
    return connectMqtt(broker.url, options, { connected });
  };
}

async function firstLine(file: string): Promise<string> {
  return (await secret(file)).split(/\r?\n/)[0] as string;
}

async function secret(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BeltsightError('CONFIG_INVALID', `${file} (broker) cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
