import { readFileSync } from 'node:fs';
import { BeltsightError } from '@beltsight/sdk';
import { Command, InvalidArgumentError } from 'commander';
import { startGateway } from './gateway.js';

const number = (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Not a number.');
  return value;
};

const program = new Command('opcua-gateway')
  .description('Shows Beltsight devices as OPC UA variables.')
  .option('--broker <url>', 'address of the MQTT broker', 'mqtt://127.0.0.1:1883')
  .option('--host <address>', 'address to listen on; beyond loopback only encrypted connections', '127.0.0.1')
  .option('--port <number>', 'port to listen on', number, 4840)
  .option('--pki <folder>', 'keys and certificates', 'opcua-pki')
  .option('--user <name>', 'who may call methods')
  .option('--password-file <file>', 'its first line is that user’s password')
  .option('--stale-seconds <number>', 'values of a device that is silent for so long are uncertain', number, 30)
  .parse();

const { broker, host, port, pki, user, passwordFile, staleSeconds } = program.opts();
if ((user === undefined) !== (passwordFile === undefined)) program.error('--user and --password-file go together.');

try {
  const password = user && (readFileSync(passwordFile, 'utf8').split(/\r?\n/)[0] as string);
  if (password === '') program.error(`The first line of ${passwordFile} is empty: write the password there.`);
  const gateway = await startGateway({
    ...{ broker, host, port, pki },
    staleMs: staleSeconds * 1000,
    user: user && { name: user, password },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void gateway.close().then(() => process.exit(0)));
  }
  console.log(`OPC UA at ${gateway.url}`);
} catch (error) {
  console.error(error instanceof BeltsightError ? error.message : error);
  process.exit(1);
}
