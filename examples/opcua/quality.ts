import type { StatusMessage } from '@beltsight/sdk';
import { type StatusCode, StatusCodes } from 'node-opcua';

/** What is known about a device at a moment. */
export interface Knowledge {
  /** The gateway has its broker. */
  readonly connected: boolean;
  /** State of the last status; undefined before the first. */
  readonly state: StatusMessage['state'] | undefined;
  /** How long ago the device was last heard. */
  readonly silentMs: number;
}

/**
 * How far the last values of a device can be relied on (OPC UA Part 8, table 33): bad once the device is known to be gone, uncertain
 * while nobody can tell.
 */
export function qualityOf({ connected, state, silentMs }: Knowledge, staleMs: number): StatusCode {
  if (!connected) return StatusCodes.UncertainNoCommunicationLastUsableValue;
  if (state === 'offline') return StatusCodes.BadNoCommunication;
  if (silentMs > staleMs) return StatusCodes.UncertainLastUsableValue;
  return StatusCodes.Good;
}
