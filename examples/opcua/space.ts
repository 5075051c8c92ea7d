import type { CameraStatus, DeviceAddress, ResultMessage, StatusMessage } from '@beltsight/sdk';
import { type Namespace, type StatusCode, StatusCodes, type UAObject } from 'node-opcua';
import type { Commander } from './commander.js';
import { addMethods } from './methods.js';
import { CAMERA_TAGS, DEVICE_TAGS, RESULT_TAGS } from './tags.js';
import { Variables } from './variables.js';

/** Bounds on what publishers of the broker can make this server hold. */
const MAX_DEVICES = 250;
const MAX_CAMERAS = 32;

/** One device as objects and variables: `Beltsight/<site>/<line>/<device>`, a camera below it each. */
export class DeviceNodes {
  readonly #cameras = new Map<string, CameraNodes>();
  readonly #status: Variables<StatusMessage>;
  #quality: StatusCode = StatusCodes.BadWaitingForInitialData;

  constructor(
    private readonly namespace: Namespace,
    private readonly object: UAObject,
    private readonly path: string,
    private readonly address: DeviceAddress,
    private readonly commander: Commander,
  ) {
    this.#status = new Variables(namespace, object, path, DEVICE_TAGS);
  }

  result(result: ResultMessage): void {
    this.#camera(result.camera)?.results.update(result, new Date(result.frame.capturedAt));
  }

  status(status: StatusMessage): void {
    const at = new Date(status.at);
    this.#status.update(status, at);
    for (const camera of status.cameras ?? []) this.#camera(camera.name)?.status.update(camera, at);
  }

  /** Sets how far all values can be relied on. State stays good of a device that is known to be offline. */
  set quality(quality: StatusCode) {
    this.#quality = quality;
    this.#status.quality = quality === StatusCodes.BadNoCommunication ? StatusCodes.Good : quality;
    for (const camera of this.#cameras.values()) camera.quality = quality;
  }

  #camera(name: string): CameraNodes | undefined {
    const known = this.#cameras.get(name);
    if (known || this.#cameras.size >= MAX_CAMERAS) return known;
    const { namespace, address, commander } = this;
    const path = `${this.path}/${name}`;
    const object = namespace.addObject({ componentOf: this.object, nodeId: `s=${path}`, browseName: name });
    addMethods(namespace, object, path, { address, camera: name, commander });
    const camera = new CameraNodes(
      new Variables(namespace, object, path, RESULT_TAGS),
      new Variables(namespace, object, path, CAMERA_TAGS),
    );
    camera.quality = this.#quality;
    this.#cameras.set(name, camera);
    return camera;
  }
}

class CameraNodes {
  constructor(
    readonly results: Variables<ResultMessage>,
    readonly status: Variables<CameraStatus>,
  ) {}

  set quality(quality: StatusCode) {
    this.results.quality = quality;
    this.status.quality = quality;
  }
}

/** The devices below `Objects/Beltsight`; they appear when they are first heard. */
export class Space {
  readonly #folders = new Map<string, UAObject>();
  readonly #devices = new Map<string, DeviceNodes>();

  constructor(
    private readonly namespace: Namespace,
    private readonly commander: Commander,
  ) {
    const { objects } = namespace.addressSpace.rootFolder;
    this.#folders.set('', namespace.addFolder(objects, { nodeId: 's=Beltsight', browseName: 'Beltsight' }));
  }

  /** The nodes of a device; undefined where there are too many devices already. */
  device({ site, line, device }: DeviceAddress): DeviceNodes | undefined {
    const path = `${site}/${line}/${device}`;
    const known = this.#devices.get(path);
    if (known || this.#devices.size >= MAX_DEVICES) return known;
    const folder = this.#folder(`${site}/${line}`);
    const object = this.namespace.addObject({ organizedBy: folder, nodeId: `s=${path}`, browseName: device });
    const nodes = new DeviceNodes(this.namespace, object, path, { site, line, device }, this.commander);
    this.#devices.set(path, nodes);
    return nodes;
  }

  #folder(path: string): UAObject {
    const known = this.#folders.get(path);
    if (known) return known;
    const slash = path.lastIndexOf('/');
    const parent = this.#folder(path.slice(0, Math.max(0, slash)));
    const folder = this.namespace.addFolder(parent, { nodeId: `s=${path}`, browseName: path.slice(slash + 1) });
    this.#folders.set(path, folder);
    return folder;
  }
}
