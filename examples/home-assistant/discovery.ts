import { type CameraStatus, type DeviceAddress, type StatusMessage, topicsOf } from '@beltsight/sdk';

/** Says which retained configurations are ours. */
export const ORIGIN = 'Beltsight discovery';

/** One entity of Home Assistant; keys as documented for its platform. */
interface Component {
  readonly platform: 'sensor' | 'binary_sensor' | 'image';
  readonly unique_id: string;
  readonly name: string;
  readonly [key: string]: string | number | boolean | readonly string[];
}

/**
 * The payload of `homeassistant/device/<id>/config`, retained: a device and its entities at once.
 * @see https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 */
export interface DeviceConfig {
  readonly device: {
    readonly identifiers: readonly [string];
    readonly name: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly suggested_area: string;
    readonly sw_version?: string;
    readonly via_device?: string;
  };
  readonly origin: { readonly name: string };
  readonly availability?: readonly { readonly topic: string; readonly value_template: string }[];
  readonly qos: 1;
  readonly components: Readonly<Record<string, Component>>;
}

/**
 * An id out of letters, digits, "_" and "-", as Home Assistant demands, that no other levels have: what is neither letter nor
 * digit becomes "-" and its code.
 */
export function idOf(...levels: readonly string[]): string {
  const plain = (level: string) => level.replace(/[^A-Za-z0-9]/g, (c) => `-${c.charCodeAt(0).toString(16)}`);
  return ['beltsight', ...levels.map(plain)].join('_');
}

/** The configurations that a status asks for, by id: of the device, and of each of its cameras. */
export function configsOf(address: DeviceAddress, status: StatusMessage): Map<string, DeviceConfig> {
  const { site, line, device } = address;
  const hub = idOf(site, line, device);
  const common = {
    manufacturer: 'Beltsight',
    suggested_area: line,
    ...(status.software ? { sw_version: status.software.version } : {}),
  };
  const configs = new Map<string, DeviceConfig>();
  configs.set(hub, {
    device: { identifiers: [hub], name: device, model: 'Inspection device', ...common },
    origin: { name: ORIGIN },
    // No availability: that it is offline is something this device has to say.
    qos: 1,
    components: deviceComponents(hub, address),
  });
  for (const camera of status.cameras ?? []) {
    const id = idOf(site, line, device, camera.name);
    configs.set(id, {
      device: { identifiers: [id], name: `${device} ${camera.name}`, model: 'Camera', via_device: hub, ...common },
      origin: { name: ORIGIN },
      availability: [
        {
          topic: topicsOf(address).status,
          value_template: "{{ 'online' if value_json.state in ['online', 'degraded'] else 'offline' }}",
        },
      ],
      qos: 1,
      components: cameraComponents(id, address, camera),
    });
  }
  return configs;
}

function deviceComponents(id: string, address: DeviceAddress): Record<string, Component> {
  const state_topic = topicsOf(address).status;
  return {
    state: {
      platform: 'sensor',
      unique_id: `${id}_state`,
      name: 'State',
      state_topic,
      value_template: '{{ value_json.state }}',
      device_class: 'enum',
      options: ['starting', 'online', 'degraded', 'stopping', 'offline'],
    },
    model: {
      platform: 'sensor',
      unique_id: `${id}_model`,
      name: 'Model',
      state_topic,
      value_template: '{{ (value_json.model | default({})).id | default(None) }}',
      entity_category: 'diagnostic',
    },
    provider: {
      platform: 'sensor',
      unique_id: `${id}_provider`,
      name: 'Provider',
      state_topic,
      value_template: '{{ value_json.provider | default(None) }}',
      entity_category: 'diagnostic',
    },
  };
}

function cameraComponents(
  id: string,
  address: DeviceAddress,
  { name: camera }: CameraStatus,
): Record<string, Component> {
  const topics = topicsOf(address);
  const ofResult = { state_topic: topics.result(camera) };
  // A last will has no cameras, and a camera may be gone.
  const find = `((value_json.cameras | default([])) | selectattr('name', 'eq', '${camera}') | list | first | default({}))`;
  const ofStatus = (field: string) => ({
    state_topic: topics.status,
    value_template: `{{ ${find}.${field} | default(None) }}`,
  });
  const entity = (key: string, name: string, platform: Component['platform'] = 'sensor') => ({
    platform,
    unique_id: `${id}_${key}`,
    name,
  });
  return {
    verdict: {
      ...entity('verdict', 'Verdict'),
      ...ofResult,
      value_template: '{{ value_json.verdict }}',
      device_class: 'enum',
      options: ['pass', 'reject', 'unknown'],
      // Two rejects in a row are two events.
      force_update: true,
      json_attributes_topic: topics.result(camera),
    },
    reject: {
      ...entity('reject', 'Reject', 'binary_sensor'),
      ...ofResult,
      value_template: "{{ 'OFF' if value_json.verdict == 'pass' else 'ON' }}",
      device_class: 'problem',
    },
    score: {
      ...entity('score', 'Score'),
      ...ofResult,
      value_template: '{{ value_json.score }}',
      state_class: 'measurement',
      suggested_display_precision: 3,
    },
    threshold: {
      ...entity('threshold', 'Threshold'),
      ...ofResult,
      value_template: '{{ value_json.threshold }}',
      state_class: 'measurement',
      suggested_display_precision: 3,
    },
    p_value: {
      ...entity('p_value', 'p-value'),
      ...ofResult,
      value_template: '{{ value_json.pValue }}',
      state_class: 'measurement',
      suggested_display_precision: 4,
    },
    class: { ...entity('class', 'Class'), ...ofResult, value_template: "{{ value_json['class'].name }}" },
    latency: {
      ...entity('latency', 'Latency'),
      ...ofResult,
      value_template: '{{ value_json.latencyMs }}',
      device_class: 'duration',
      unit_of_measurement: 'ms',
      state_class: 'measurement',
      entity_category: 'diagnostic',
    },
    state: {
      ...entity('state', 'State'),
      ...ofStatus('state'),
      device_class: 'enum',
      options: ['starting', 'running', 'failed', 'ended'],
      entity_category: 'diagnostic',
      json_attributes_topic: topics.status,
      // Its error says what to do, and may be longer than a state can be.
      json_attributes_template: `{{ ${find} | tojson }}`,
    },
    inspected: { ...entity('inspected', 'Inspected'), ...ofStatus('inspected'), state_class: 'total_increasing' },
    dropped: {
      ...entity('dropped', 'Dropped frames'),
      ...ofStatus('dropped'),
      state_class: 'total_increasing',
      entity_category: 'diagnostic',
    },
    rate: {
      ...entity('rate', 'Rate'),
      ...ofStatus('rateHz'),
      device_class: 'frequency',
      unit_of_measurement: 'Hz',
      state_class: 'measurement',
    },
    alarm: {
      ...entity('alarm', 'Alarm', 'binary_sensor'),
      state_topic: topics.alarm(camera),
      value_template: "{{ 'OFF' if value_json.state == 'cleared' else 'ON' }}",
      device_class: 'problem',
      json_attributes_topic: topics.alarm(camera),
    },
    heatmap: {
      ...entity('heatmap', 'Heatmap', 'image'),
      image_topic: topics.heatmap(camera),
      content_type: 'image/png',
    },
    frame: { ...entity('frame', 'Frame', 'image'), image_topic: topics.frame(camera), content_type: 'image/jpeg' },
  };
}
