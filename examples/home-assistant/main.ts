import { BeltsightError } from '@beltsight/sdk';
import { Command, InvalidArgumentError } from 'commander';
import { Announcer } from './announcer.js';

const number = (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Not a number.');
  return value;
};

const { broker, prefix, settleSeconds, forgetHours } = new Command('home-assistant')
  .description('Makes Home Assistant discover Beltsight devices.')
  .option('--broker <url>', 'address of the MQTT broker', 'mqtt://127.0.0.1:1883')
  .option('--prefix <topic>', 'discovery prefix of Home Assistant', 'homeassistant')
  .option('--settle-seconds <number>', 'devices that were not heard so long after the start are removed', number, 30)
  .option('--forget-hours <number>', 'devices that are offline for so long are removed (default: never)', number)
  .parse()
  .opts();

try {
  const announcer = await Announcer.start({
    ...{ broker, prefix },
    settleMs: settleSeconds * 1000,
    forgetMs: forgetHours === undefined ? undefined : forgetHours * 3_600_000,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void announcer.close().then(() => process.exit(0)));
  }
} catch (error) {
  console.error(error instanceof BeltsightError ? error.message : error);
  process.exit(1);
}
