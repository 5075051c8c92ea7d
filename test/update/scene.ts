import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { retrained, writeTinyBundle } from '../support/tiny-bundle.js';
import { type DeviceOptions, digestOf, startDevice } from './device.js';
import type { DeviceSettings } from './faults.js';

/** A release, and the model that is in it. */
export interface Made {
  readonly path: string;
  readonly modelId: string;
}

/**
 * A repository with releases, and the state folder of a device that was updated twice, so that both slots and all paths are in play; a third
 * release waits to be installed.
 */
export class UpdatedScene {
  /** State folder, to be copied. */
  readonly installed: string;
  readonly factory: string;
  readonly models = new Set<string>();
  /** SHA-256 of the manifests of all bundles that there are. */
  readonly manifests = new Set<string>();
  url = '';
  /** What the channel says. */
  wanted: Made = { path: '', modelId: '' };

  private constructor(readonly scene: Scene) {
    this.installed = join(scene.folder, 'installed');
    this.factory = join(scene.folder, 'factory');
  }

  static async open(): Promise<UpdatedScene> {
    const opened = new UpdatedScene(await Scene.open());
    opened.url = await opened.scene.serve();
    opened.models.add(await writeTinyBundle(opened.factory));
    opened.manifests.add(await digestOf(opened.factory));
    for (let i = 0; i < 2; i++) {
      await opened.release();
      const device = await opened.start(opened.installed);
      await proved(device);
      await device.close();
    }
    await opened.release();
    return opened;
  }

  get folder(): string {
    return this.scene.folder;
  }

  /** Publishes the next release: another weight, or what else is changed. */
  async release(change = retrained(this.models.size + 1)): Promise<Made> {
    const { workspace } = this.scene;
    const bundle = join(this.folder, `bundle-${this.models.size}`);
    const modelId = await writeTinyBundle(bundle, change);
    this.models.add(modelId);
    this.manifests.add(await digestOf(bundle));
    const { path } = await addBundle({ workspace, bundle, name: 'tiny', scope: {}, notes: '', now: new Date() });
    await promote(workspace, {}, 'stable', path, new Date());
    await this.scene.publish();
    this.wanted = { path, modelId };
    return this.wanted;
  }

  /** What a device on a state folder is begun with. */
  settings(folder: string): DeviceSettings {
    const root = join(this.scene.workspace.repository.folder, 'metadata/1.root.json');
    return { folder, factory: this.factory, root, url: this.url, until: this.wanted.path };
  }

  start(folder: string, options: Partial<DeviceOptions> = {}) {
    return startDevice({ ...this.settings(folder), ...options });
  }

  close(): Promise<void> {
    return this.scene.close();
  }
}

/** Lets a device update, and prove it. Without vitest: benches do it, too. */
async function proved({ states, inspect }: Awaited<ReturnType<typeof startDevice>>): Promise<void> {
  while (states.at(-1)?.state !== 'probation') await sleep(5);
  inspect(25);
  while (states.at(-1)?.state !== 'idle') await sleep(5);
}
