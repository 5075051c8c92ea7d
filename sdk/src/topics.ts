import { BeltsightError } from './errors.js';

/** Version of the topic tree and of every payload below it. */
const TOPIC_VERSION = 1;

/** Which device: the three levels that name it in every topic. */
export interface DeviceAddress {
  readonly site: string;
  readonly line: string;
  readonly device: string;
}

/** A topic level that MQTT, file systems and Sparkplug all accept. */
const LEVEL = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The topics of one device, below `beltsight/1/<site>/<line>/<device>`. */
export interface DeviceTopics {
  readonly root: string;
  /** Retained JSON {@link StatusMessage}; also the last will. */
  readonly status: string;
  /** An increasing number, where configured: the device inspects. */
  readonly heartbeat: string;
  /** JSON {@link ResultMessage}, QoS 1, never retained. */
  result(camera: string): string;
  /** PNG heatmap of one result, never retained. */
  heatmap(camera: string): string;
  /** JPEG preview of one frame, only where the configuration asks for it, never retained. */
  frame(camera: string): string;
  /** Retained JSON {@link AlarmMessage}, QoS 1. */
  alarm(camera: string): string;
  /** JSON {@link RejectMessage}, QoS 1: a product is at the ejector. */
  reject(camera: string): string;
  /** JSON {@link CommandMessage}, QoS 1. */
  command(name: string): string;
  /** JSON {@link ReplyMessage}, QoS 1. */
  reply(id: string): string;
  /** Retained: the release the device should run. */
  readonly updateDesired: string;
  /** Retained JSON {@link UpdateStateMessage}. */
  readonly updateState: string;
  /** JSON {@link FetchMessage}: a device without another network asks for a piece of a repository. */
  readonly updateFetch: string;
  /** A piece, as `encodePiece` makes it. */
  readonly updatePiece: string;
}

/**
 * The topics of a device.
 * @throws BeltsightError ARGUMENT_INVALID if a level holds a character that a topic level must not.
 */
export function topicsOf(address: DeviceAddress): DeviceTopics {
  const { site, line, device } = address;
  const root = ['beltsight', TOPIC_VERSION, level('site', site), level('line', line), level('device', device)].join(
    '/',
  );
  return {
    root,
    status: `${root}/status`,
    heartbeat: `${root}/heartbeat`,
    result: (camera) => `${root}/camera/${level('camera', camera)}/result`,
    heatmap: (camera) => `${root}/camera/${level('camera', camera)}/heatmap`,
    frame: (camera) => `${root}/camera/${level('camera', camera)}/frame`,
    alarm: (camera) => `${root}/camera/${level('camera', camera)}/alarm`,
    reject: (camera) => `${root}/camera/${level('camera', camera)}/reject`,
    command: (name) => `${root}/command/${level('command', name)}`,
    reply: (id) => `${root}/reply/${level('reply id', id)}`,
    updateDesired: `${root}/update/desired`,
    updateState: `${root}/update/state`,
    updateFetch: `${root}/update/fetch`,
    updatePiece: `${root}/update/piece`,
  };
}

/**
 * The root of the topics of all devices at an address: levels that are not given match any.
 * @throws BeltsightError ARGUMENT_INVALID like {@link topicsOf}
 */
export function rootFilter({ site, line, device }: { [Level in keyof DeviceAddress]?: string | undefined }): string {
  const levels = Object.entries({ site, line, device }).map(([what, value]) =>
    value === undefined ? '+' : level(what, value),
  );
  return ['beltsight', TOPIC_VERSION, ...levels].join('/');
}

/** The topics of one rollout, below `beltsight/1/rollout/<id>`. */
interface RolloutTopics {
  /** Retained JSON {@link RolloutMessage}. */
  readonly plan: string;
  /** Whoever drives the rollout hears itself here: all that the broker had before has then arrived. Not retained. */
  readonly echo: string;
}

const ROLLOUTS = `beltsight/${TOPIC_VERSION}/rollout`;

/**
 * @param id undefined: filters for those of all rollouts
 * @throws BeltsightError ARGUMENT_INVALID like {@link topicsOf}
 */
export function rolloutTopics(id?: string): RolloutTopics {
  const plan = `${ROLLOUTS}/${id === undefined ? '+' : level('rollout', id)}`;
  return { plan, echo: `${plan}/echo` };
}

/** The id of the rollout whose plan a topic holds; undefined for a topic of something else. */
export function rolloutId(topic: string): string | undefined {
  const id = topic.startsWith(`${ROLLOUTS}/`) ? topic.slice(ROLLOUTS.length + 1) : '';
  return LEVEL.test(id) ? id : undefined;
}

const CAMERA_TOPICS = ['result', 'heatmap', 'frame', 'alarm', 'reject'] as const;
type CameraTopic = (typeof CAMERA_TOPICS)[number];
const UPDATE_TOPICS = ['desired', 'state', 'fetch', 'piece'] as const;
type UpdateTopic = (typeof UPDATE_TOPICS)[number];

/** What a concrete topic is about, or undefined for a topic of someone else. */
export interface ParsedTopic extends DeviceAddress {
  readonly kind: CameraTopic | 'status' | 'heartbeat' | 'command' | 'reply' | `update/${UpdateTopic}`;
  readonly camera?: string;
  /** Command name or reply id. */
  readonly name?: string;
}

export function parseTopic(topic: string): ParsedTopic | undefined {
  const [root, version, site, line, device, ...rest] = topic.split('/');
  if (root !== 'beltsight' || version !== `${TOPIC_VERSION}` || !site || !line || !device) return undefined;
  const address = { site, line, device };
  const [first, second, third] = rest;
  if (rest.length === 1 && (first === 'status' || first === 'heartbeat')) return { ...address, kind: first };
  if (rest.length === 3 && first === 'camera' && second) {
    const kind = CAMERA_TOPICS.find((name) => name === third);
    if (kind) return { ...address, kind, camera: second };
  }
  if (rest.length === 2 && second) {
    if (first === 'command' || first === 'reply') return { ...address, kind: first, name: second };
    const update = UPDATE_TOPICS.find((name) => first === 'update' && name === second);
    if (update) return { ...address, kind: `update/${update}` };
  }
  return undefined;
}

function level(what: string, value: string): string {
  if (LEVEL.test(value)) return value;
  throw new BeltsightError(
    'ARGUMENT_INVALID',
    `"${value}" cannot be a ${what} in a topic: use 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit.`,
  );
}
