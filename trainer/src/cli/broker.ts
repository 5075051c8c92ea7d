import type { Command } from 'commander';
import type { IClientOptions } from 'mqtt';
import { firstLineOf, textOf } from '../config-file.js';

/** How to reach a broker, as options of a command say. */
export interface BrokerFlags {
  readonly username?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
}

/** The options of a command that speaks MQTT, after its `--mqtt`. */
export function withBroker(command: Command): Command {
  return command
    .option('--username <name>', 'user at the broker')
    .option('--password-file <file>', 'file whose first line is the password at the broker')
    .option('--ca <file>', 'certificate authority of the broker (PEM)');
}

/** @throws BeltsightError CONFIG_INVALID naming a file that cannot be read */
export async function mqttOptions({ username, passwordFile, ca }: BrokerFlags): Promise<IClientOptions> {
  return {
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: await firstLineOf(passwordFile) }),
    ...(ca === undefined ? {} : { ca: await textOf(ca) }),
  };
}
