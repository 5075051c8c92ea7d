import { type DeviceAddress, InspectionClient, type StatusMessage } from '@beltsight/sdk';
import { Commander } from './commander.js';
import { qualityOf } from './quality.js';
import { createServer, type ServerOptions } from './server.js';
import { type DeviceNodes, Space } from './space.js';

export interface GatewayOptions extends ServerOptions {
  /** Address of the MQTT broker. */
  readonly broker: string;
  /** A device that was silent for so long is uncertain; several times its `statusSeconds`. */
  readonly staleMs: number;
  /** How long a command may take. */
  readonly commandTimeoutMs?: number;
}

export interface Gateway {
  /** Where OPC UA clients connect. */
  readonly url: string;
  close(): Promise<void>;
}

interface Heard {
  readonly nodes: DeviceNodes;
  state: StatusMessage['state'] | undefined;
  /** By the monotonic clock, ms. */
  at: number;
}

/**
 * Shows what Beltsight devices say on MQTT as OPC UA variables, and sends commands that are called as methods.
 * @throws BeltsightError BROKER_UNREACHABLE; Error of the OPC UA server if its port is taken
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { broker, staleMs, commandTimeoutMs } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const [server, namespace] = await createServer(options);
    closers.push(() => server.shutdown(0));
    const client = await InspectionClient.connect(broker, { pictures: false });
    closers.push(() => client.close());
    watch(client, new Space(namespace, new Commander(client, commandTimeoutMs)), staleMs, closers);
    await server.start();
    return { url: server.getEndpointUrl(), close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Brings messages and their quality into the address space. */
function watch(client: InspectionClient, space: Space, staleMs: number, closers: (() => Promise<unknown>)[]): void {
  const devices = new Map<DeviceNodes, Heard>();
  const judge = (heard: Heard) => {
    const { nodes, state, at } = heard;
    nodes.quality = qualityOf({ connected: client.connected, state, silentMs: performance.now() - at }, staleMs);
  };
  const hear = (address: DeviceAddress, tell: (nodes: DeviceNodes) => void, state?: StatusMessage['state']) => {
    const nodes = space.device(address);
    if (!nodes) return;
    const heard = devices.get(nodes) ?? { nodes, state, at: 0 };
    devices.set(nodes, heard);
    heard.at = performance.now();
    heard.state = state ?? heard.state;
    tell(nodes);
    judge(heard);
  };
  client.on('status', (status, topic) => hear(topic, (nodes) => nodes.status(status), status.state));
  client.on('result', (result, topic) => hear(topic, (nodes) => nodes.result(result)));
  const judgeAll = () => devices.forEach(judge);
  client.on('connection', judgeAll);
  client.on('error', (error) => console.error(error));
  const timer = setInterval(judgeAll, Math.min(1000, staleMs / 2));
  closers.push(async () => clearInterval(timer));
}
