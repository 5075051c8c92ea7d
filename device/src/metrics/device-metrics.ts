import type { ResultMessage, StatusMessage } from '@beltsight/sdk';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { DeviceConfig } from '../config/schema.js';
import { LocalMachine, type Machine } from '../doctor/machine.js';
import type { Connect } from '../publish/publisher.js';
import type { Model } from '../service/model.js';
import type { ServiceObserver } from '../service/observer.js';
import { NO_SCORE } from '../service/publication.js';
import { SOFTWARE } from '../service/software.js';
import { timed } from './acknowledgements.js';
import { EventLoopDelay } from './event-loop.js';
import { brokerGauges, cameraGauges, infoGauges, machineGauges, type Readings } from './gauges.js';
import { Instruments, type Stage } from './instruments.js';
import { Pauses } from './pauses.js';
import { Endpoint } from './server.js';
import { type MetricsStatus, Snapshots } from './snapshot.js';
import { Temperatures } from './temperatures.js';

/** What the figures tell of a running service. */
export interface MetricsParts extends Pick<Readings, 'cameras' | 'publisher'> {
  readonly model: Pick<Model, 'manifest' | 'provider' | 'runtimeVersion' | 'onUse'>;
  readonly alive: () => boolean;
  /** Hears that `problem` changed. */
  readonly changed: () => void;
}

/** Counts what a service does, for Prometheus and for the status. */
export class DeviceMetrics implements ServiceObserver {
  readonly #registry = new Registry();
  readonly #instruments = new Instruments(this.#registry);
  readonly #snapshots = new Snapshots();
  readonly #pauses = new Pauses();
  readonly #eventLoop = new EventLoopDelay();
  readonly #temperatures: Temperatures;
  #readings: Readings | undefined;
  #endpoint: Endpoint | undefined;

  constructor(
    private readonly config: Pick<DeviceConfig, 'site' | 'line' | 'device' | 'cameras' | 'metrics'>,
    private readonly logger: Logger,
    machine: Machine = new LocalMachine(),
  ) {
    this.#temperatures = new Temperatures(machine);
  }

  /** The service runs: there is something to read, and to scrape. */
  start({ model, cameras, publisher, alive, changed }: MetricsParts): void {
    const { config, logger } = this;
    const readings: Readings = {
      cameras,
      publisher,
      skipped: (camera) => this.#pauses.framesOf(camera),
      temperatures: () => this.#temperatures.latest,
      eventLoop: () => this.#eventLoop.delay,
    };
    this.#readings = readings;
    const names = config.cameras.map(({ name }) => name);
    model.onUse(({ manifest }) => {
      const classes = manifest.classes.map(({ name }) => name);
      this.#instruments.expect(names, classes);
    });
    infoGauges(this.#registry, {
      build: () => ({
        version: SOFTWARE.version,
        node: process.version,
        onnxruntime: model.runtimeVersion,
        arch: process.arch,
      }),
      device: () => ({ site: config.site, line: config.line, device: config.device }),
      model: () => ({ id: model.manifest.modelId, name: model.manifest.name }),
      provider: () => ({ provider: model.provider }),
    });
    for (const add of [cameraGauges, brokerGauges, machineGauges]) add(this.#registry, readings);
    this.#temperatures.start();
    this.#eventLoop.start();
    const { host, port } = config.metrics;
    if (port === null) return;
    const render = () => this.#registry.metrics();
    this.#endpoint = new Endpoint({ host, port, render, type: this.#registry.contentType, alive, logger, changed });
    this.#endpoint.start();
  }

  /** Connects so that the broker's acknowledgements are timed. */
  timed(connect: Connect): Connect {
    return timed(connect, (ms) => this.#stage('publish', ms));
  }

  /** A status with the figures in it; degraded where nobody can scrape them. */
  withFigures(status: StatusMessage): StatusMessage {
    this.#pauses.see(status.cameras ?? []);
    if (!this.#readings) return status;
    const problem = this.#endpoint?.problem;
    const metrics: MetricsStatus = {
      ...this.#snapshots.take(this.#readings),
      ...(problem === undefined ? {} : { problem }),
    };
    return { ...status, ...(problem !== undefined && status.state === 'online' ? { state: 'degraded' } : {}), metrics };
  }

  /** The exposition as a scraper gets it. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  result({ camera, class: { name }, verdict, score, threshold, latencyMs }: ResultMessage): void {
    this.#instruments.results.inc({ camera, class: name ?? '', verdict });
    this.#snapshots.result(verdict);
    this.#stage('capture_to_result', latencyMs);
    const ratio = threshold === null || score === NO_SCORE ? Number.NaN : score / threshold;
    if (name === null || !Number.isFinite(ratio)) return;
    this.#instruments.score(name, ratio);
    this.#snapshots.score(name, ratio);
  }

  stage(stage: 'preprocess' | 'model' | 'decide', ms: number): void {
    this.#stage(stage, ms);
  }

  async close(): Promise<void> {
    this.#endpoint?.close();
    this.#temperatures.close();
    this.#eventLoop.close();
  }

  #stage(stage: Stage, ms: number): void {
    this.#instruments.stage(stage, ms);
    this.#snapshots.stage(stage, ms);
  }
}
