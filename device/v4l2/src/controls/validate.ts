import { V4l2Error } from '../errors.js';
import type { Control, ControlValue } from './control.js';

/** A value as the kernel takes it: a number, or the text of a string control. */
export type RawValue = bigint | string;

/**
 * Checks a value against what the driver says of a control. A choice of a menu goes by its place or its label, a button by true.
 * @throws V4l2Error V4L2_CONTROL_INVALID saying what the control takes
 */
export function rawValueOf(path: string, control: Control, value: ControlValue): RawValue {
  const refuse = (takes: string): never => {
    const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
    throw new V4l2Error('V4L2_CONTROL_INVALID', `${path}: control "${control.name}" ${takes}, not ${shown}.`, {
      device: path,
    });
  };
  if (control.flags.has('read-only')) return refuse('is read-only: it takes no value');
  const { type, minimum, maximum, step, menu } = control;
  switch (type) {
    case 'button':
      return value === true ? 1n : refuse('is a button: it takes true');
    case 'boolean':
      return typeof value === 'boolean' ? BigInt(value) : refuse('takes true or false');
    case 'menu':
    case 'integer-menu': {
      const item = menu.find(({ index, label }) => index === value || label === value);
      const choices = menu.map(({ index, label }) => `${index} (${label})`).join(', ');
      return item ? BigInt(item.index) : refuse(`takes one of ${choices}`);
    }
    case 'string': {
      const length = typeof value === 'string' ? BigInt(Buffer.byteLength(value)) : -1n;
      const fits = length >= minimum && length <= maximum && (step <= 1n || (length - minimum) % step === 0n);
      if (!fits || (value as string).includes('\0')) return refuse(`takes a string of ${range(control)} bytes`);
      return value as string;
    }
    case 'bitmask': {
      const bits = integer(value);
      // The maximum of a bit mask says which bits there are, and comes as a signed number of 32 bits.
      const known = BigInt.asUintN(32, maximum);
      return bits !== undefined && bits >= 0n && (bits & ~known) === 0n
        ? bits
        : refuse(`takes bits of 0x${known.toString(16)}`);
    }
    default: {
      const number = integer(value);
      const fits = number !== undefined && number >= minimum && number <= maximum;
      return fits && (step <= 1n || (number - minimum) % step === 0n) ? number : refuse(`takes ${range(control)}`);
    }
  }
}

function integer(value: ControlValue): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

function range({ minimum, maximum, step }: Control): string {
  return `${minimum} to ${maximum}${step > 1n ? ` in steps of ${step}` : ''}`;
}
