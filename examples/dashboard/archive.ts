import type { DeviceAddress } from '@beltsight/sdk';
import type { Kept } from './state/cameras.js';
import type { CameraState, Point } from './state/model.js';

/** Results are written so often, new ones only. */
const EVERY_MS = 2000;
/** A camera that was not heard for so long is forgotten. */
const FORGOTTEN_MS = 30 * 24 * 3600 * 1000;

const STORES = ['points', 'rejects'] as const;
type StoreName = (typeof STORES)[number];

/** One kept result in the database; its key is [camera, id], so it is in order of time. */
interface Row extends Point {
  readonly camera: string;
  readonly address: DeviceAddress;
  readonly name: string;
}

/**
 * Results without pictures that outlive a reload, in the browser's IndexedDB: of each camera as many as the page keeps. Where the
 * browser does not let it (a private window, a full disk), the page goes on without.
 */
export class Archive {
  readonly #written = new Map<string, string>();

  private constructor(private readonly database: IDBDatabase) {}

  static async open(name = 'beltsight-dashboard'): Promise<Archive | undefined> {
    try {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        for (const store of STORES) request.result.createObjectStore(store, { keyPath: ['camera', 'id'] });
      };
      const database = await settled(request);
      // Another tab with a newer version of the page must not wait for this one.
      database.onversionchange = () => database.close();
      return new Archive(database);
    } catch {
      return undefined;
    }
  }

  /** What was kept, by camera. */
  async load(now: number): Promise<readonly Kept[]> {
    const kept = new Map<string, { address: DeviceAddress; camera: string; points: Point[]; rejects: Point[] }>();
    for (const store of STORES) {
      const rows = (await settled(this.database.transaction(store).objectStore(store).getAll())) as Row[];
      for (const { camera, address, name, ...point } of rows) {
        const entry = kept.get(camera) ?? { address, camera: name, points: [], rejects: [] };
        kept.set(camera, entry);
        entry[store].push(point);
      }
    }
    for (const [camera, { points, rejects }] of kept) {
      for (const store of STORES) this.#written.set(`${store} ${camera}`, { points, rejects }[store].at(-1)?.id ?? '');
      const last = points.at(-1);
      if (!last || now - last.at < FORGOTTEN_MS) continue;
      for (const store of STORES) this.#open(store).delete(ofCamera(camera));
      kept.delete(camera);
    }
    return [...kept.values()];
  }

  /** Writes what is new from now on, every few seconds and when the page is left. */
  keep(cameras: () => Iterable<CameraState>): void {
    const write = () => {
      // A disk that is full, or a database that somebody deleted, must not end the page.
      for (const camera of cameras()) this.#write(camera).catch(() => undefined);
    };
    setInterval(write, EVERY_MS);
    addEventListener('pagehide', write);
  }

  async #write(camera: CameraState): Promise<void> {
    for (const store of STORES) {
      const points = camera[store];
      const place = `${store} ${camera.key}`;
      const fresh = points.slice(points.findLastIndex(({ id }) => id === this.#written.get(place)) + 1);
      const last = fresh.at(-1);
      const first = points[0];
      if (!last || !first) continue;
      this.#written.set(place, last.id);
      const rows = this.#open(store);
      const { key, address, name } = camera;
      for (const point of fresh) rows.put({ ...point, camera: key, address, name } satisfies Row);
      // What the page no longer keeps goes here, too: rows are in order of time.
      const surplus = (await settled(rows.count(ofCamera(key)))) - points.length;
      if (surplus > 0) await dropOldest(rows, key, surplus);
    }
  }

  #open(store: StoreName): IDBObjectStore {
    return this.database.transaction(store, 'readwrite', { durability: 'relaxed' }).objectStore(store);
  }
}

/** Arrays sort after numbers and texts. */
const ofCamera = (camera: string) => IDBKeyRange.bound([camera], [camera, []]);

async function dropOldest(rows: IDBObjectStore, camera: string, count: number): Promise<void> {
  for (const key of await settled(rows.getAllKeys(ofCamera(camera), count))) rows.delete(key);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
