import { G_EXT_CTRLS, type Ioctl, S_EXT_CTRLS } from '../abi/ioctl.js';
import { v4l2_ext_control, v4l2_ext_controls } from '../abi/structs.js';
import { ERRNO, systemError, V4l2Error } from '../errors.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';
import type { Control, ControlValue } from './control.js';
import { rawValueOf } from './validate.js';

const { fields } = v4l2_ext_control;

/**
 * Reads a control.
 * @throws V4l2Error V4L2_CONTROL_INVALID if it has no value to read
 */
export function getControl(handle: Handle, control: Control): ControlValue {
  if (control.type === 'button') return null;
  if (control.flags.has('write-only')) {
    throw new V4l2Error('V4L2_CONTROL_INVALID', `${handle.path}: control "${control.name}" can be set, not read.`, {
      device: handle.path,
    });
  }
  const text = textMemory(control);
  const memory = transfer(handle, G_EXT_CTRLS, control, text);
  switch (control.type) {
    case 'string':
      return new TextDecoder().decode(text.bytes.slice(0, Math.max(0, text.bytes.indexOf(0))));
    case 'boolean':
      return fields.value.get(memory.view) !== 0;
    case 'integer64':
      return fields.value64.get(memory.view);
    case 'bitmask':
      return fields.value.get(memory.view) >>> 0;
    default:
      return fields.value.get(memory.view);
  }
}

/**
 * Sets a control to a value that it takes.
 * @throws V4l2Error V4L2_CONTROL_INVALID, V4L2_BUSY if it cannot be set now
 */
export function setControl(handle: Handle, control: Control, value: ControlValue): void {
  const raw = rawValueOf(handle.path, control, value);
  const text = textMemory(control);
  if (typeof raw === 'string') text.bytes.set(new TextEncoder().encode(raw));
  transfer(handle, S_EXT_CTRLS, control, text, typeof raw === 'bigint' ? raw : undefined);
}

/** Room for the text of a string control, with its zero. */
function textMemory({ type, maximum }: Control): Memory {
  return new Memory(type === 'string' ? Number(maximum) + 1 : 0);
}

/** One control through VIDIOC_G_EXT_CTRLS or VIDIOC_S_EXT_CTRLS; answers with its struct v4l2_ext_control. */
function transfer(handle: Handle, ioctl: Ioctl, control: Control, text: Memory, number?: bigint): Memory {
  const one = Memory.of(v4l2_ext_control, { id: control.id });
  if (control.type === 'string') {
    one.write(v4l2_ext_control, { size: text.bytes.length, string: handle.libc.address(text.bytes) });
  } else if (number !== undefined) {
    if (control.type === 'integer64') one.write(v4l2_ext_control, { value64: number });
    else one.write(v4l2_ext_control, { value: Number(BigInt.asIntN(32, number)) });
  }
  const all = Memory.of(v4l2_ext_controls, { count: 1, controls: handle.libc.address(one.bytes) });
  const errno = handle.tryIoctl(ioctl, all);
  if (errno === ERRNO.EINVAL || errno === ERRNO.ERANGE || errno === ERRNO.EACCES) {
    throw new V4l2Error(
      'V4L2_CONTROL_INVALID',
      `${handle.path}: the driver refuses control "${control.name}" now; another control, such as an automatic one, may rule it.`,
      { device: handle.path, call: ioctl.name, errno: systemError(handle.path, ioctl.name, errno).errno as string },
    );
  }
  if (errno !== 0) throw systemError(handle.path, ioctl.name, errno);
  return one;
}
