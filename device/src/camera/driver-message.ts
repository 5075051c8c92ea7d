import type { V4l2Error } from 'node-v4l2';

/** What the driver says, for people: where the library names its own function as the remedy, they have a command. */
export function driverMessage({ message }: V4l2Error): string {
  return message.replace('listDevices()', 'beltsight-device camera list');
}
