import { CTRL_FLAG, CTRL_TYPE } from '../abi/constants.js';
import * as structs from '../abi/structs.js';
import { ERRNO } from '../errors.js';
import type { FakeControl } from './scenario.js';

/** Controls of a fake device, as VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYMENU and VIDIOC_[GS]_EXT_CTRLS show them. */
export class FakeControls {
  /** Values by id; texts of string controls, too. */
  readonly values = new Map<number, bigint | string>();

  constructor(
    private readonly controls: readonly FakeControl[],
    private readonly memoryAt: (address: bigint) => Uint8Array | undefined,
  ) {
    for (const { id, type, defaultValue } of controls) {
      this.values.set(id, type === CTRL_TYPE.STRING ? '' : BigInt(defaultValue));
    }
  }

  /** Answers with an error number, or 0. */
  ioctl(name: string, view: DataView): number {
    if (this.controls.length === 0) return ERRNO.ENOTTY;
    switch (name) {
      case 'VIDIOC_QUERY_EXT_CTRL':
        return this.#describe(view);
      case 'VIDIOC_QUERYMENU':
        return this.#menu(view);
      case 'VIDIOC_G_EXT_CTRLS':
        return this.#transfer(view, (control, one, base) => this.#read(control, one, base));
      case 'VIDIOC_S_EXT_CTRLS':
        return this.#transfer(view, (control, one, base) => this.#write(control, one, base));
      default:
        return ERRNO.ENOTTY;
    }
  }

  #describe(view: DataView): number {
    const { fields } = structs.v4l2_query_ext_ctrl;
    const asked = fields.id.get(view);
    const after = (asked & ~CTRL_FLAG.NEXT_CTRL) >>> 0;
    const next = asked >= CTRL_FLAG.NEXT_CTRL;
    const control = this.controls.find(({ id }) => (next ? id > after : id === asked));
    if (!control) return ERRNO.EINVAL;
    fields.id.set(view, control.id);
    fields.type.set(view, control.type);
    fields.name.set(view, control.title);
    fields.minimum.set(view, BigInt(control.minimum));
    fields.maximum.set(view, BigInt(control.maximum));
    fields.step.set(view, BigInt(control.step));
    fields.default_value.set(view, BigInt(control.defaultValue));
    fields.flags.set(view, control.flags);
    return 0;
  }

  #menu(view: DataView): number {
    const { fields } = structs.v4l2_querymenu;
    const item = this.#find(fields.id.get(view))?.menu[fields.index.get(view)];
    if (item === undefined || item === null) return ERRNO.EINVAL;
    if (typeof item === 'string') fields.name.set(view, item);
    else fields.value.set(view, BigInt(item));
    return 0;
  }

  #transfer(view: DataView, visit: (control: FakeControl, one: DataView, base: number) => number): number {
    const { fields } = structs.v4l2_ext_controls;
    const bytes = this.memoryAt(fields.controls.get(view));
    if (!bytes) return ERRNO.EFAULT;
    const all = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < fields.count.get(view); i++) {
      const base = i * structs.v4l2_ext_control.size;
      const control = this.#find(structs.v4l2_ext_control.fields.id.get(all, base));
      const errno = control ? visit(control, all, base) : ERRNO.EINVAL;
      if (errno !== 0) return errno;
    }
    return 0;
  }

  #read({ id, type, flags }: FakeControl, one: DataView, base: number): number {
    if ((flags & CTRL_FLAG.WRITE_ONLY) !== 0) return ERRNO.EACCES;
    const { fields } = structs.v4l2_ext_control;
    const value = this.values.get(id) as bigint | string;
    if (typeof value === 'string') return this.#text(one, base, (bytes) => bytes.fill(0).set(Buffer.from(value)));
    if (type === CTRL_TYPE.INTEGER64) fields.value64.set(one, value, base);
    else fields.value.set(one, Number(BigInt.asIntN(32, value)), base);
    return 0;
  }

  #write({ id, type, flags, minimum, maximum }: FakeControl, one: DataView, base: number): number {
    if ((flags & CTRL_FLAG.READ_ONLY) !== 0) return ERRNO.EACCES;
    if ((flags & CTRL_FLAG.GRABBED) !== 0) return ERRNO.EBUSY;
    const { fields } = structs.v4l2_ext_control;
    if (type === CTRL_TYPE.STRING) {
      return this.#text(one, base, (bytes) => {
        this.values.set(id, Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString());
      });
    }
    const value = type === CTRL_TYPE.INTEGER64 ? fields.value64.get(one, base) : BigInt(fields.value.get(one, base));
    if (type !== CTRL_TYPE.BUTTON && (value < minimum || value > maximum)) return ERRNO.ERANGE;
    this.values.set(id, value);
    return 0;
  }

  #text(one: DataView, base: number, use: (bytes: Uint8Array) => void): number {
    const bytes = this.memoryAt(structs.v4l2_ext_control.fields.string.get(one, base));
    if (!bytes) return ERRNO.EFAULT;
    use(bytes);
    return 0;
  }

  #find(id: number): FakeControl | undefined {
    return this.controls.find((control) => control.id === id);
  }
}
