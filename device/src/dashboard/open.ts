import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import { pause } from '../pause.js';
import { serveDashboard } from './server.js';

/** The network may come up after the device, and another program may let go of the port. */
const RETRY_MS = 10_000;

export interface OpenDashboard {
  close(): Promise<void>;
}

/**
 * Serves the operator's page where the configuration asks for it, as soon as it can be. A page that cannot be served is told of once, and keeps
 * nobody from inspecting.
 * @param folder where the built page lies
 */
export function openDashboard(
  { dashboard, site, line }: Pick<DeviceConfig, 'dashboard' | 'site' | 'line'>,
  folder: string,
  logger: Pick<Logger, 'info' | 'error'>,
  retryMs = RETRY_MS,
): OpenDashboard | undefined {
  if (!dashboard) return undefined;
  const closing = new AbortController();
  const failed = (error: unknown) => logger.error({ err: error }, `${(error as Error).message}`);
  const open = async () => {
    for (let told = false; ; told = true) {
      try {
        const server = await serveDashboard({ ...dashboard, folder, site, line, failed });
        logger.info(`Dashboard on ${server.url}`);
        return server;
      } catch (error) {
        if (!told) failed(error);
      }
      if (!(await pause(retryMs, closing.signal))) return undefined;
    }
  };
  const opening = open();
  return {
    async close() {
      closing.abort();
      await (await opening)?.close();
    },
  };
}
