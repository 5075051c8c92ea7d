import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleManifest } from '@beltsight/sdk/bundle';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CameraControl } from '../control.js';
import { CommandSettings } from '../settings.js';
import { recipeEffect } from './recipe.js';
import { thresholdEffect } from './threshold.js';

let folder: string;
let settings: CommandSettings;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-switch-'));
  settings = await CommandSettings.open(join(folder, 'settings.json'), { warn: vi.fn() });
});
afterAll(() => rm(folder, { recursive: true }));

/** A model that knows one class, and what it was told. */
function modelOf(modelId: string, name: string, scale: number) {
  const calibration = [1, 2, 3, 4].map((score) => score * scale);
  const manifest = { modelId, classes: [{ name, calibration }] } as unknown as BundleManifest;
  return { manifest, useThresholds: vi.fn() };
}

describe('a command while the model is switched', () => {
  it('leaves the thresholds of the new model alone, and says so', async () => {
    const model = modelOf('old', 'cap', 1);
    const answer = thresholdEffect({ model, settings })({ class: 'cap', falseRejectRate: 0.5 });
    model.manifest = modelOf('new', 'cap', 100).manifest;
    await expect(answer).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    expect(model.useThresholds).not.toHaveBeenCalled();
    await thresholdEffect({ model, settings })({ class: 'cap', falseRejectRate: 0.5 });
    expect(model.useThresholds).toHaveBeenCalledTimes(1);
    expect(model.useThresholds.mock.calls[0]?.[0].get('cap')).toBeCloseTo(300, 2);
  });

  it('names no product that the new model does not know', async () => {
    const control = new CameraControl({ name: 'belt', trigger: 'free' } as never, {} as never);
    const parts = { controls: new Map([['belt', control]]), settings, changed: vi.fn() };
    const model = modelOf('old', 'cap', 1);
    const answer = recipeEffect({ ...parts, model })({ camera: 'belt', class: 'cap' });
    model.manifest = modelOf('new', 'lid', 1).manifest;
    await expect(answer).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
    expect(control.recipe).toBeNull();
  });
});
