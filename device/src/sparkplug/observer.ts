import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CameraStatus, ResultMessage, StatusMessage } from '@beltsight/sdk';
import type { IConnackPacket } from 'mqtt';
import type { Logger } from 'pino';
import type { CommandRunner } from '../command/runner.js';
import type { DeviceConfig } from '../config/schema.js';
import { connectionOf } from '../publish/connection.js';
import type { ServiceObserver } from '../service/observer.js';
import { openQueue, type Queue } from '../spool/queue.js';
import { Commander } from './command/commander.js';
import { cameraOrder, nodeOrder } from './command/orders.js';
import type { CameraDevice } from './delivery.js';
import { EdgeNode } from './edge-node.js';
import { cameraMetrics, resultValues, statusValues } from './metrics/camera.js';
import type { MetricDefinition } from './metrics/definition.js';
import { nodeMetrics, nodeValues, thresholdOf } from './metrics/node.js';
import { Tags, type TagsOptions } from './metrics/tags.js';
import { encodeRecord } from './payload/record.js';
import type { SparkplugConfig } from './schema.js';
import { BirthDeathSequence } from './session/counters.js';
import { PrimaryHost } from './session/primary-host.js';
import { deathPayload, Session } from './session/session.js';
import { type SparkplugTopics, sparkplugTopicsOf } from './topics.js';

export interface SparkplugParts {
  readonly config: DeviceConfig;
  readonly logger: Logger;
  /** Carries out what hosts write; without it there are no metrics to write but rebirth. */
  readonly commands?: CommandRunner | undefined;
}

/**
 * The observer, where the configuration wants one. What waits for a host lies on disk, a queue for each camera.
 * @throws BeltsightError SPOOL_IN_USE if another process has the state folder
 */
export async function sparkplugObservers(parts: SparkplugParts): Promise<SparkplugObserver[]> {
  const { sparkplug, cameras, state } = parts.config;
  if (!sparkplug) return [];
  const maxBytes = sparkplug.store.maxMegabytes * 2 ** 20;
  const queues = new Map<string, Queue>();
  for (const { name } of cameras) {
    queues.set(name, await openQueue({ folder: join(state, 'sparkplug', name), maxBytes, logger: parts.logger }));
  }
  return [new SparkplugObserver(parts, sparkplug, queues)];
}

const VERDICT_COUNTERS = { pass: 'Passed', reject: 'Rejected', unknown: 'Unknown' } as const;

/** Shows a service as a Sparkplug edge node with a device for each camera. It begins with the first status that names the model. */
class SparkplugObserver implements ServiceObserver {
  readonly #cameras = new Map<string, CameraDevice & { counts: Record<'Passed' | 'Rejected' | 'Unknown', number> }>();
  #node: EdgeNode | undefined;
  #classes: readonly string[] = [];

  constructor(
    private readonly parts: SparkplugParts,
    private readonly sparkplug: SparkplugConfig,
    private readonly queues: ReadonlyMap<string, Queue>,
  ) {}

  status(status: StatusMessage): void {
    const { classes } = status.model ?? { classes: this.#classes };
    const others = !isDeepStrictEqual(classes, this.#classes);
    this.#classes = classes;
    if (!this.#node && status.model) {
      this.#node = this.#open();
      this.#node.start();
    } else if (others) this.#node?.redefined(this.#nodeMetrics());
    const waiting = [...this.#cameras.values()].reduce((sum, { queue }) => sum + queue.size, 0);
    this.#node?.nodeChanged({ ...nodeValues(status), 'Store/Waiting': waiting });
    for (const camera of status.cameras ?? []) this.#cameraStatus(camera);
  }

  result(result: ResultMessage, heatmap: Buffer | undefined): void {
    const camera = this.#cameras.get(result.camera);
    if (!camera || !this.#node) return;
    const at = Date.parse(result.frame.capturedAt);
    const pictures = this.sparkplug.heatmaps;
    const values = resultValues(result, pictures ? (heatmap ?? null) : undefined);
    const record = encodeRecord({ at, values }, (name) => camera.tags.find({ name })?.type);
    const counter = VERDICT_COUNTERS[result.verdict];
    camera.counts[counter]++;
    this.#node.result(camera, { ...values, [`Counters/${counter}`]: camera.counts[counter] }, at, record);
    if (result.class.name !== null) this.#node.nodeChanged({ [thresholdOf(result.class.name)]: result.threshold });
  }

  async close(): Promise<void> {
    await this.#node?.close();
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  #cameraStatus(status: CameraStatus): void {
    const camera = this.#cameras.get(status.name);
    const alive = status.state === 'starting' || status.state === 'running';
    if (camera) this.#node?.cameraChanged(camera, statusValues(status), alive);
  }

  #nodeMetrics(): MetricDefinition[] {
    const { config, commands } = this.parts;
    const cameras = config.cameras.map(({ name }) => name);
    return nodeMetrics({ cameras, classes: this.#classes, commands: commands !== undefined });
  }

  #open(): EdgeNode {
    const { sparkplug } = this;
    const { config, logger, commands } = this.parts;
    const topics = sparkplugTopicsOf(
      sparkplug.groupId ?? `${config.site}-${config.line}`,
      sparkplug.edgeNodeId ?? config.device,
    );
    let alias = 0;
    const options: TagsOptions = { nextAlias: () => ++alias, deadband: sparkplug.deadband };
    const writable = commands !== undefined;
    const tags = new Tags(this.#nodeMetrics(), options);
    for (const { name, class: recipe } of config.cameras) {
      const device = new Tags(cameraMetrics({ heatmaps: sparkplug.heatmaps, commands: writable }), options);
      device.set({ 'Control/Class': recipe ?? null });
      const queue = this.queues.get(name) as Queue;
      this.#cameras.set(name, {
        name,
        tags: device,
        queue,
        alive: true,
        counts: { Passed: 0, Rejected: 0, Unknown: 0 },
      });
    }
    const { primaryHost } = sparkplug;
    return new EdgeNode({
      topics,
      tags,
      cameras: [...this.#cameras.values()],
      connect: connecting(config, topics, logger),
      primaryHost: primaryHost === undefined ? undefined : { id: primaryHost, state: new PrimaryHost() },
      commander: new Commander(commands),
      orderOf: (write, camera) =>
        camera
          ? cameraOrder(camera.name, write, camera.tags.value('Control/Collect/Class'))
          : nodeOrder(write, this.#classes),
      rebirthMs: sparkplug.rebirthSeconds * 1000,
      forwardPerSecond: sparkplug.forwardPerSecond,
      logger,
    });
  }
}

/** Opens sessions: each with its own bdSeq, in its will and its births. */
function connecting(
  config: DeviceConfig,
  topics: SparkplugTopics,
  logger: Logger,
): (heard: (topic: string, payload: Buffer) => void) => Promise<Session> {
  const { site, line, device, broker } = config;
  const clientId = `${broker.clientId ?? `beltsight-${site}-${line}-${device}`}-spb`;
  let sequence: Promise<BirthDeathSequence> | undefined;
  return async (heard) => {
    sequence ??= BirthDeathSequence.open(config.state, logger);
    const bdSeq = await (await sequence).take();
    const death = deathPayload(bdSeq);
    const will = { topic: topics.node('NDEATH'), payload: death, retain: false };
    let connack: IConnackPacket | undefined;
    // Every session has a will of its own, and ends with its connection. Hosts and their tools know nothing of topic aliases.
    const own = { ...config, broker: { ...broker, clientId, sessionExpirySeconds: 0, topicAliases: false } };
    const connect = connectionOf(own, () => will, undefined, { once: true });
    const client = await connect((packet) => {
      connack = packet;
    });
    const packetBytes = connack?.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    return new Session({ client, topics, bdSeq, death, packetBytes, logger }, heard);
  };
}
