import type { StatusMessage } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { configsOf, idOf } from './discovery.js';

const address = { site: 'plant-1', line: 'line.1', device: 'jetson_7' };
const status: StatusMessage = {
  schema: 'beltsight.status/1',
  state: 'online',
  at: '2026-01-01T00:00:00.000Z',
  device: address,
  software: { name: '@beltsight/device', version: '0.1.0' },
  cameras: [{ name: 'belt', state: 'running', frames: 1, dropped: 0, inspected: 1, rateHz: 1 }],
};

/**
 * The keys that Home Assistant documents, as far as they are of use here.
 * https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
 * https://www.home-assistant.io/integrations/sensor.mqtt/#configuration-variables
 * https://www.home-assistant.io/integrations/binary_sensor.mqtt/#configuration-variables
 * https://www.home-assistant.io/integrations/image.mqtt/#configuration-variables
 */
const ENTITY = [
  'platform',
  'unique_id',
  'name',
  'entity_category',
  'json_attributes_topic',
  'json_attributes_template',
];
const STATE = [...ENTITY, 'state_topic', 'value_template', 'device_class', 'force_update'];
const KEYS: Record<string, readonly string[]> = {
  root: ['device', 'origin', 'components', 'availability', 'qos'],
  device: ['identifiers', 'name', 'manufacturer', 'model', 'suggested_area', 'sw_version', 'via_device'],
  sensor: [...STATE, 'state_class', 'unit_of_measurement', 'options', 'suggested_display_precision'],
  binary_sensor: STATE,
  image: [...ENTITY, 'image_topic', 'content_type'],
};

describe('discovery configurations', () => {
  const configs = configsOf(address, status);

  it('have ids of the characters that topics of Home Assistant may have, one for each device', () => {
    for (const id of configs.keys()) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
    expect(idOf('a_b', 'c')).not.toBe(idOf('a', 'b_c'));
    expect(idOf('a.b')).not.toBe(idOf('a_b'));
  });

  it('use documented keys only, and have those that are required', () => {
    expect([...configs.keys()]).toHaveLength(2);
    for (const config of configs.values()) {
      expect(KEYS.root).toEqual(expect.arrayContaining(Object.keys(config)));
      expect(KEYS.device).toEqual(expect.arrayContaining(Object.keys(config.device)));
      for (const component of Object.values(config.components)) {
        expect(KEYS[component.platform]).toEqual(expect.arrayContaining(Object.keys(component)));
        expect(component).toHaveProperty(component.platform === 'image' ? 'image_topic' : 'state_topic');
      }
    }
  });

  it('give every entity an id of its own, and enumerations neither unit nor state class', () => {
    const components = [...configs.values()].flatMap((config) => Object.values(config.components));
    expect(new Set(components.map((component) => component.unique_id)).size).toBe(components.length);
    for (const component of components.filter((one) => one.device_class === 'enum')) {
      expect(component.options).not.toEqual([]);
      expect(component).not.toHaveProperty('state_class');
      expect(component).not.toHaveProperty('unit_of_measurement');
    }
  });
});
