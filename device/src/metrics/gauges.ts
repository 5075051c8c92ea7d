import type { CameraStatus } from '@beltsight/sdk';
import type { Registry } from 'prom-client';
import type { Temperature } from '../doctor/look/temperatures.js';
import type { PublisherFigures } from '../publish/publisher.js';
import type { Delay } from './event-loop.js';
import { counter, gauge } from './instruments.js';

/** What is read whenever the figures are asked for. */
export interface Readings {
  readonly cameras: () => readonly CameraStatus[];
  /** Frames that came while a camera was paused. */
  readonly skipped: (camera: string) => number;
  readonly publisher: () => PublisherFigures;
  readonly temperatures: () => readonly Temperature[];
  readonly eventLoop: () => Delay;
}

const STATES: readonly CameraStatus['state'][] = ['starting', 'running', 'failed', 'ended'];

/** Cameras: what came, what was left out, how they are. */
export function cameraGauges(registry: Registry, { cameras, skipped }: Readings): void {
  counter(registry, 'beltsight_frames_total', 'Frames captured.', ['camera'], () =>
    cameras().map(({ name, frames }) => [{ camera: name }, frames] as const),
  );
  counter(
    registry,
    'beltsight_frames_dropped_total',
    'Frames captured and not inspected: overtaken, a newer one came before the scorer was free; paused, a command said so; untriggered, no trigger asked for them.',
    ['camera', 'cause'],
    () =>
      cameras().flatMap(({ name: camera, dropped, untriggered = 0 }) => [
        [{ camera, cause: 'overtaken' }, dropped] as const,
        [{ camera, cause: 'paused' }, skipped(camera)] as const,
        [{ camera, cause: 'untriggered' }, untriggered] as const,
      ]),
  );
  counter(registry, 'beltsight_camera_failures_total', 'Times that the camera failed.', ['camera'], () =>
    cameras().map(({ name, failures = 0 }) => [{ camera: name }, failures] as const),
  );
  gauge(registry, 'beltsight_camera_state', 'State of the camera: 1 for the one it is in.', ['camera', 'state'], () =>
    cameras().flatMap(({ name: camera, state: current }) =>
      STATES.map((state) => [{ camera, state }, Number(state === current)] as const),
    ),
  );
}

/** The way to the broker, and what waits for it. */
export function brokerGauges(registry: Registry, { publisher }: Readings): void {
  gauge(registry, 'beltsight_broker_connected', 'Whether the broker is there.', [], () => [
    [{}, Number(publisher().connected)],
  ]);
  counter(
    registry,
    'beltsight_broker_reconnects_total',
    'Times that the connection was lost and made again.',
    [],
    () => [[{}, publisher().reconnects]],
  );
  gauge(registry, 'beltsight_messages_waiting', 'Messages that wait for the broker.', [], () => [
    [{}, publisher().waiting],
  ]);
  gauge(
    registry,
    'beltsight_messages_waiting_bytes',
    'Bytes of messages that wait for the broker, where they are counted.',
    [],
    () => {
      const figures = publisher();
      return [[{}, figures.waitingBytes]];
    },
  );
  gauge(
    registry,
    'beltsight_messages_oldest_timestamp_seconds',
    'When the oldest message that waits was made, in seconds since 1970; absent while none waits.',
    [],
    () => {
      const figures = publisher();
      return figures.oldestAt === undefined ? [] : [[{}, figures.oldestAt / 1000]];
    },
  );
  counter(
    registry,
    'beltsight_messages_dropped_total',
    'Messages lost: picture and result, no room to let them wait; tooLarge, the broker takes none so large; further causes as docs/device.md names them.',
    ['cause'],
    () => Object.entries(publisher().dropped).map(([cause, count]) => [{ cause }, count] as const),
  );
}

/** The machine and the process. The latter by the names that every Prometheus client uses. */
export function machineGauges(registry: Registry, { temperatures, eventLoop }: Readings): void {
  const started = Date.now() / 1000 - process.uptime();
  gauge(registry, 'beltsight_temperature_celsius', 'Temperature of a thermal zone of the kernel.', ['zone'], () =>
    temperatures().map(({ name, celsius }) => [{ zone: name }, celsius] as const),
  );
  counter(registry, 'process_cpu_seconds_total', 'Processor time of the process, user and system.', [], () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
  gauge(registry, 'process_resident_memory_bytes', 'Memory of the process.', [], () => [
    [{}, process.memoryUsage.rss()],
  ]);
  gauge(registry, 'process_start_time_seconds', 'When the process began, in seconds since 1970.', [], () => [
    [{}, started],
  ]);
  gauge(registry, 'nodejs_eventloop_lag_p50_seconds', 'Median lateness of the event loop, last minutes.', [], () => [
    [{}, eventLoop().p50Ms / 1000],
  ]);
  gauge(
    registry,
    'nodejs_eventloop_lag_p99_seconds',
    'Lateness of the event loop that 1 % exceeds, last minutes.',
    [],
    () => [[{}, eventLoop().p99Ms / 1000]],
  );
}

/** What runs here. */
export function infoGauges(
  registry: Registry,
  infos: Readonly<Record<'build' | 'device' | 'model' | 'provider', () => Readonly<Record<string, string>>>>,
): void {
  const help = {
    build: 'Versions of the software.',
    device: 'Where the device is: the first levels of its topics.',
    model: 'The model in use.',
    provider: 'The ONNX Runtime execution provider in use.',
  };
  for (const [name, labels] of Object.entries(infos)) {
    gauge(registry, `beltsight_${name}_info`, help[name as keyof typeof help], Object.keys(labels()), () => [
      [labels(), 1],
    ]);
  }
}
