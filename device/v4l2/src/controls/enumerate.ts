import { CTRL_FLAG } from '../abi/constants.js';
import { QUERY_EXT_CTRL, QUERYMENU } from '../abi/ioctl.js';
import { v4l2_query_ext_ctrl, v4l2_querymenu } from '../abi/structs.js';
import { ERRNO, systemError, V4l2Error } from '../errors.js';
import type { Handle } from '../handle.js';
import { Memory } from '../memory.js';
import {
  type Control,
  type ControlType,
  type ControlValue,
  controlName,
  controlTypeOf,
  flagsOf,
  type MenuItem,
} from './control.js';

const { fields } = v4l2_query_ext_ctrl;

/** All controls of a device that hold one value; disabled ones, headings and compound ones are left out. */
export function controlsOf(handle: Handle): Control[] {
  const controls: Control[] = [];
  let last = 0;
  while (true) {
    const memory = Memory.of(v4l2_query_ext_ctrl, { id: (last | CTRL_FLAG.NEXT_CTRL) >>> 0 });
    const errno = handle.tryIoctl(QUERY_EXT_CTRL, memory);
    if (errno === ERRNO.EINVAL || errno === ERRNO.ENOTTY) return controls;
    if (errno !== 0) throw systemError(handle.path, QUERY_EXT_CTRL.name, errno);
    const id = fields.id.get(memory.view);
    // A driver that goes back would be asked for ever.
    if (id <= last) return controls;
    last = id;
    const control = read(handle, memory.view);
    if (control) controls.push(control);
  }
}

/**
 * A control by its name.
 * @throws V4l2Error V4L2_CONTROL_UNKNOWN naming those that there are
 */
export function findControl(path: string, controls: readonly Control[], name: string): Control {
  const found = controls.find((control) => control.name === name);
  if (found) return found;
  const known = controls.map((control) => control.name).join(', ') || 'none';
  throw new V4l2Error('V4L2_CONTROL_UNKNOWN', `${path} has no control "${name}": it has ${known}.`, { device: path });
}

function read(handle: Handle, view: DataView): Control | undefined {
  const type = controlTypeOf(fields.type.get(view));
  const flags = flagsOf(fields.flags.get(view));
  if (type === undefined || flags.has('disabled') || fields.nr_of_dims.get(view) > 0) return undefined;
  const [id, title] = [fields.id.get(view), fields.name.get(view)];
  const [minimum, maximum] = [fields.minimum.get(view), fields.maximum.get(view)];
  const menu = type === 'menu' || type === 'integer-menu' ? menuOf(handle, id, type, minimum, maximum) : [];
  return {
    id,
    name: controlName(title),
    title,
    type,
    minimum,
    maximum,
    step: fields.step.get(view),
    defaultValue: defaultOf(type, fields.default_value.get(view)),
    menu,
    flags,
  };
}

/** A number of the kernel as a value of a control's type. */
function defaultOf(type: ControlType, number: bigint): ControlValue {
  if (type === 'button') return null;
  if (type === 'boolean') return number !== 0n;
  if (type === 'integer64') return number;
  return type === 'string' ? '' : Number(number);
}

function menuOf(handle: Handle, id: number, type: ControlType, minimum: bigint, maximum: bigint): MenuItem[] {
  const items: MenuItem[] = [];
  for (let index = Number(minimum); index <= Number(maximum); index++) {
    const memory = Memory.of(v4l2_querymenu, { id, index });
    const errno = handle.tryIoctl(QUERYMENU, memory);
    // Drivers leave choices out that this camera does not have.
    if (errno === ERRNO.EINVAL) continue;
    if (errno !== 0) throw systemError(handle.path, QUERYMENU.name, errno);
    const { name, value } = v4l2_querymenu.fields;
    items.push({ index, label: type === 'menu' ? name.get(memory.view) : value.get(memory.view) });
  }
  return items;
}
