import { BeltsightError, type CommandArguments, type CommandName, type CommandValue } from '@beltsight/sdk';
import type { CameraControl } from '../control.js';

/** What each command does, its arguments checked. It throws BeltsightError where it cannot. */
export type Effects = {
  readonly [N in CommandName]: (args: CommandArguments<N>) => CommandValue<N> | Promise<CommandValue<N>>;
};

export type Controls = ReadonlyMap<string, CameraControl>;

/** @throws BeltsightError ARGUMENT_INVALID naming the cameras there are */
export function controlOf(controls: Controls, camera: string): CameraControl {
  const control = controls.get(camera);
  if (control) return control;
  const names = [...controls.keys()].join(', ');
  throw new BeltsightError('ARGUMENT_INVALID', `camera: there is no camera "${camera}"; there are ${names}.`);
}
