import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { type ControlValue, V4l2Error } from 'node-v4l2';
import { parseDocument } from 'yaml';
import { writeAtomically } from '../../atomic.js';
import { askDevice } from '../commands/describe.js';
import { driverMessage } from '../driver-message.js';

/** A control as the page shows it. */
export interface Knob {
  readonly name: string;
  readonly type: 'integer' | 'boolean' | 'menu';
  readonly value: number | boolean;
  readonly minimum: number;
  readonly maximum: number;
  readonly step: number;
  readonly menu: readonly { readonly index: number; readonly label: string }[];
  /** Another control rules it now, such as automatic exposure. */
  readonly inactive: boolean;
}

/** Controls of a camera that can be turned while it runs. */
export interface Knobs {
  list(): Knob[];
  /** @throws BeltsightError ARGUMENT_INVALID saying what the control takes */
  set(name: string, value: number | boolean): void;
}

/** Controls of a Video4Linux2 device, which can be set while another handle captures. */
export function v4l2Knobs(device: string): Knobs {
  return {
    list: () =>
      askDevice(device, (open) =>
        open.controls().flatMap((control): Knob[] => {
          const { name, type, minimum, maximum, step, menu, flags } = control;
          const kind = type === 'integer-menu' ? 'menu' : type;
          if ((kind !== 'integer' && kind !== 'boolean' && kind !== 'menu') || flags.has('read-only')) return [];
          const value = open.getControl(name) as number | boolean;
          return [
            {
              name,
              type: kind,
              value,
              minimum: Number(minimum),
              maximum: Number(maximum),
              step: Number(step),
              menu: menu.map(({ index, label }) => ({ index, label: `${label}` })),
              inactive: flags.has('inactive'),
            },
          ];
        }),
      ),
    set(name, value) {
      try {
        askDevice(device, (open) => open.setControl(name, value as ControlValue));
      } catch (cause) {
        if (cause instanceof V4l2Error) throw new BeltsightError('ARGUMENT_INVALID', driverMessage(cause), { cause });
        throw cause;
      }
    },
  };
}

/**
 * Writes controls into a device's configuration, for the camera of that name. Comments and everything else stay.
 * @throws BeltsightError CONFIG_INVALID, IO_FAILED
 */
export async function storeControls(
  file: string,
  camera: string,
  controls: Readonly<Record<string, number | boolean>>,
): Promise<void> {
  try {
    const document = parseDocument(await readFile(file, 'utf8'));
    const { cameras } = document.toJS() as { cameras: { name: string }[] };
    const index = cameras.findIndex(({ name }) => name === camera);
    for (const [name, value] of Object.entries(controls)) {
      document.setIn(['cameras', index, 'source', 'controls', name], value);
    }
    await writeAtomically(file, document.toString());
  } catch (cause) {
    throw new BeltsightError('IO_FAILED', `${file} cannot be changed: ${(cause as Error).message}.`, { cause });
  }
}
