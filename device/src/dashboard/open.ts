import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import { type DashboardServer, serveDashboard } from './server.js';

/** Serves the operator's page where the configuration asks for it. A page that cannot be served keeps nobody from inspecting. */
export async function openDashboard(
  { dashboard, site, line }: DeviceConfig,
  folder: string,
  logger: Logger,
): Promise<DashboardServer | undefined> {
  if (!dashboard) return undefined;
  try {
    const server = await serveDashboard({ ...dashboard, folder, site, line });
    logger.info(`Dashboard on ${server.url}`);
    return server;
  } catch (error) {
    logger.error({ err: error }, `${(error as Error).message}`);
    return undefined;
  }
}
