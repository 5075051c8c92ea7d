import * as ioctls from '../abi/ioctl.js';
import { ERRNO } from '../errors.js';
import type { Libc, Mapping } from '../libc.js';
import { type Clock, REAL } from './clock.js';
import { FakeCamera } from './fake-camera.js';
import type { Scenario } from './scenario.js';

const NAMES = new Map(
  Object.values(ioctls).map(({ name, request }): [number, ioctls.Ioctl['name']] => [request, name]),
);

/**
 * System calls of a kernel with cameras, written in JavaScript: it keeps the rules of Video4Linux2 that a capture program can break.
 * Buffers that are mapped when a file is closed keep their device busy, no memory is handed out twice, and every call can be made
 * to fail.
 */
export class FakeDriver implements Libc {
  readonly #cameras: ReadonlyMap<string, FakeCamera>;
  readonly #files = new Map<number, FakeCamera>();
  readonly #mappings = new Map<Mapping, FakeCamera>();
  readonly #memory = new Map<bigint, Uint8Array>();
  readonly #addresses = new WeakMap<Uint8Array, bigint>();
  readonly #counts = new Map<string, number>();
  #nextFd = 3;
  /** Names of all calls, in order. */
  readonly calls: string[] = [];

  constructor(
    private readonly scenario: Scenario,
    private readonly clock: Clock = REAL,
  ) {
    this.#cameras = new Map(
      Object.entries(scenario.devices).map(([path, device]) => [
        path,
        new FakeCamera(device, scenario, clock, (address) => this.#memory.get(address)),
      ]),
    );
  }

  /** What is not given back: all zero and false after every camera is closed. */
  get left(): { files: number; mappings: number; buffers: number; streaming: boolean } {
    const cameras = [...this.#cameras.values()];
    return {
      files: this.#files.size,
      mappings: this.#mappings.size,
      buffers: cameras.reduce((sum, { buffers }) => sum + buffers.length, 0),
      streaming: cameras.some(({ streaming }) => streaming),
    };
  }

  camera(path: string): FakeCamera {
    return this.#cameras.get(path) as FakeCamera;
  }

  open(path: string): number {
    const fault = this.#fault('open');
    const camera = this.#cameras.get(path);
    if (fault) return fault;
    if (!camera) return -ERRNO.ENOENT;
    const fd = this.#nextFd++;
    this.#files.set(fd, camera);
    return fd;
  }

  close(fd: number): number {
    const fault = this.#fault('close');
    const camera = this.#files.get(fd);
    if (!camera) return -ERRNO.EBADF;
    // The descriptor is gone whatever close answers.
    this.#files.delete(fd);
    if (camera.owner === fd) camera.release(this.#mapped(camera));
    return fault;
  }

  ioctl(fd: number, request: number, argument: Uint8Array): number {
    const name = NAMES.get(request) ?? `ioctl ${request}`;
    const fault = this.#fault(name);
    const camera = this.#files.get(fd);
    if (!camera) return -ERRNO.EBADF;
    if (fault) return fault;
    const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
    return -camera.ioctl(fd, name, view, this.#mapped(camera));
  }

  mmap(fd: number, length: number, offset: number): Mapping | number {
    const fault = this.#fault('mmap');
    if (fault) return fault;
    const camera = this.#files.get(fd);
    const bytes = camera?.memoryAt(offset);
    if (!camera || !bytes || bytes.length !== length) return -ERRNO.EINVAL;
    const mapping = { bytes };
    this.#mappings.set(mapping, camera);
    return mapping;
  }

  munmap(mapping: Mapping): number {
    const fault = this.#fault('munmap');
    if (!this.#mappings.delete(mapping)) return -ERRNO.EINVAL;
    return fault;
  }

  poll(fd: number, events: number, timeoutMs: number): number {
    const fault = this.#fault('poll');
    if (fault) return fault;
    const camera = this.#files.get(fd);
    if (!camera) return -ERRNO.EBADF;
    const until = this.clock.now() + timeoutMs;
    while (true) {
      const ready = camera.events() & (events | ALWAYS);
      const left = Math.min(until, camera.nextFrameAt) - this.clock.now();
      if (ready !== 0 || this.clock.now() >= until) return ready;
      this.clock.sleep(Math.max(left, 0.01));
    }
  }

  address(bytes: Uint8Array): bigint {
    const address = this.#addresses.get(bytes) ?? BigInt(this.#memory.size + 1) << 12n;
    this.#addresses.set(bytes, address);
    this.#memory.set(address, bytes);
    return address;
  }

  #mapped(camera: FakeCamera): number {
    return [...this.#mappings.values()].filter((mapped) => mapped === camera).length;
  }

  /** The negated error number that a call has to answer with, or 0. */
  #fault(call: string): number {
    const nth = (this.#counts.get(call) ?? 0) + 1;
    this.#counts.set(call, nth);
    this.calls.push(call);
    const fault = this.scenario.faults.find((each) => {
      const at = each.call === undefined ? this.calls.length : nth;
      return (each.call === undefined || each.call === call) && (each.lasting ? at >= each.nth : at === each.nth);
    });
    return fault ? -fault.errno : 0;
  }
}

/** POLLERR, POLLHUP and POLLNVAL come unasked. */
const ALWAYS = 0x38;
