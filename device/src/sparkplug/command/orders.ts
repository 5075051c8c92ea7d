import { type CommandArguments, type CommandName, commandArguments } from '@beltsight/sdk';
import { falseRejectRateOf } from '../metrics/node.js';
import type { Value } from '../payload/datatype.js';
import type { Write } from './parse.js';

/** A command to carry out, and the metric by whose write a host asked for it. */
export interface Order<N extends CommandName = CommandName> {
  readonly metric: string;
  readonly command: N;
  readonly args: CommandArguments<N>;
}

/** Whether a write asks for anything at all: a button is pressed by true. */
const pressed = (value: Value) => value === true;

/**
 * What a write to a metric of a camera asks for; undefined where it only prepares something, or is no press of a button.
 * @param collectClass the class that was written for collecting
 */
export function cameraOrder(
  camera: string,
  { name, value }: Write,
  collectClass: Value | undefined,
): Order | undefined {
  switch (name) {
    case 'Control/Class':
      return order(name, 'recipe', { camera, class: value === '' ? null : value });
    case 'Control/Paused':
      return order(name, 'pause', { camera, paused: value });
    case 'Control/Trigger':
      return pressed(value) ? order(name, 'trigger', { camera }) : undefined;
    case 'Control/Collect/Count':
      return order(name, 'collect', { camera, class: collectClass, count: value });
    default:
      return undefined;
  }
}

/** What a write to a metric of the edge node asks for. */
export function nodeOrder({ name, value }: Write, classes: readonly string[]): Order | undefined {
  if (name === 'Control/Paused') return order(name, 'pause', { paused: value });
  const found = classes.find((of) => falseRejectRateOf(of) === name);
  return found === undefined ? undefined : order(name, 'threshold', { class: found, falseRejectRate: value });
}

/** @throws ZodError where the arguments are not what the command takes */
function order<N extends CommandName>(metric: string, command: N, args: unknown): Order {
  return { metric, command, args: commandArguments[command].parse(args) };
}
