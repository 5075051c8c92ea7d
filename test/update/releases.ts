import { join } from 'node:path';
import { addBundle, promote } from '../../trainer/src/release/bundles.js';
import { Scene } from '../../trainer/src/release/testing.js';
import { retrained, writeTinyBundle } from '../support/tiny-bundle.js';

/** A repository that is served, a device's factory bundle, and releases of models that differ in one weight. */
export class ReleaseScene {
  #models = 0;

  private constructor(
    private readonly scene: Scene,
    readonly factoryModel: string,
    /** Address of the repository. */
    readonly url: string,
  ) {}

  static async open(): Promise<ReleaseScene> {
    const scene = await Scene.open();
    const factoryModel = await writeTinyBundle(join(scene.folder, 'factory'), differing(1));
    return new ReleaseScene(scene, factoryModel, await scene.serve());
  }

  get folder(): string {
    return this.scene.folder;
  }

  get factory(): string {
    return join(this.folder, 'factory');
  }

  get repository(): string {
    return this.scene.workspace.repository.folder;
  }

  /** The first root, as it is brought to devices. */
  get root(): string {
    return join(this.repository, 'metadata/1.root.json');
  }

  /**
   * Publishes the next release on the channel `stable`.
   * @param red what it calls its class red
   */
  async release({ red = 'red' } = {}): Promise<{ path: string; modelId: string }> {
    const bundle = join(this.folder, `bundle-${++this.#models}`);
    const modelId = await writeTinyBundle(bundle, differing(1 + this.#models, red));
    const { workspace } = this.scene;
    const { path } = await addBundle({ workspace, bundle, name: 'tiny', scope: {}, notes: '', now: new Date() });
    await promote(workspace, {}, 'stable', path, new Date());
    await this.scene.publish();
    return { path, modelId };
  }

  close(): Promise<void> {
    return this.scene.close();
  }
}

const differing =
  (gain: number, red = 'red'): Parameters<typeof writeTinyBundle>[1] =>
  (parts) => {
    const classes = parts.classes.map((known) => (known.name === 'red' ? { ...known, name: red } : known));
    const golden = parts.golden.map((sample) => ({ ...sample, class: red }));
    return retrained(gain)({ ...parts, classes, golden });
  };
