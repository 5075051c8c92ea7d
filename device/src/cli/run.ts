import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { pino } from 'pino';
import { readDeviceConfig } from '../config/read.js';
import { openDashboard } from '../dashboard/open.js';
import { dryRun } from '../service/dry-run.js';
import { DeviceService } from '../service/service.js';
import { Watchdog } from '../service/watchdog.js';
import { returnFreedMemory } from './memory.js';

interface Flags {
  readonly config: string;
  readonly dryRun?: boolean;
}

/**
 * beltsight-device run: inspects until it is stopped.
 * @param page folder of the operator's page, which the build puts beside the command
 */
export function runCommand(page: URL): Command {
  return new Command('run')
    .description('Inspect: camera frames in, results out over MQTT')
    .requiredOption('--config <file>', 'YAML configuration; see docs/device-config.md and device.example.yaml')
    .option('--dry-run', 'check configuration, bundle, cameras and broker, say what is wrong, and end')
    .addHelpText('after', '\nExample:\n  beltsight-device run --config device.yaml')
    .action(async ({ config: file, dryRun: dry = false }: Flags) => {
      returnFreedMemory();
      const config = await readDeviceConfig(file);
      if (dry) {
        const sound = await dryRun(config, (line) => process.stdout.write(`${line}\n`));
        process.exitCode = sound ? 0 : 1;
        return;
      }
      const logger = pino({ name: config.device, level: config.log.level });
      const service = await DeviceService.open(config, logger);
      const watchdog = Watchdog.open({ alive: () => service.alive, logger });
      const dispose = stopOnSignal(() => {
        logger.info('Stopping; frames in work are finished first.');
        watchdog.stopping();
        service.stop();
      });
      const dashboard = openDashboard(config, fileURLToPath(page), logger);
      try {
        watchdog.ready(`Inspecting ${config.cameras.map(({ name }) => name).join(', ')} on ${service.provider}`);
        await service.run();
        logger.info('Stopped.');
      } finally {
        dispose();
        watchdog.close();
        await dashboard?.close();
      }
    });
}

/** The first SIGINT or SIGTERM stops in good order, the second at once. */
function stopOnSignal(stop: () => void): () => void {
  let stopping = false;
  const hear = () => {
    if (stopping) process.exit(130);
    stopping = true;
    stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hear);
  };
}
