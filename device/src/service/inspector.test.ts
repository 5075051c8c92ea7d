import { describe, expect, it, vi } from 'vitest';
import type { Camera, CameraFault } from '../camera/frame.js';
import { CameraControl } from '../command/control.js';
import { Inspector, type InspectorParts } from './inspector.js';

function cameraOf(faults: readonly string[]): Camera {
  return {
    name: 'belt',
    paced: false,
    check: async () => 'a camera',
    async *frames(): AsyncGenerator<CameraFault> {
      for (const fault of faults) yield { fault };
    },
  };
}

describe('Inspector', () => {
  it('logs and tells of a fault that stays once, and of another one', async () => {
    const warn = vi.fn();
    const changed = vi.fn();
    const inspector = new Inspector({
      camera: cameraOf(['dark', 'dark', 'dark', 'dusty', 'dusty', 'dark']),
      config: { name: 'belt' },
      control: new CameraControl({ name: 'belt', trigger: 'free' }, { timeoutMs: 1000, pending: 1, maxAgeMs: 0 }),
      logger: { warn },
      changed,
    } as unknown as InspectorParts);
    await inspector.run(new AbortController().signal);
    expect(warn.mock.calls).toEqual([['dark'], ['dusty'], ['dark']]);
    // And of the end.
    expect(changed).toHaveBeenCalledTimes(4);
  });
});
