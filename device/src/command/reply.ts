import { BeltsightError, type ReplyMessage } from '@beltsight/sdk';

/** The request that a reply is to. */
export interface RequestDetails {
  readonly command: string;
  readonly id: string;
  /** Since it arrived, in milliseconds. */
  readonly latencyMs: () => number;
}

export function success(request: RequestDetails, value: unknown): ReplyMessage {
  return { ...head(request), ok: true, value, latencyMs: latencyOf(request) };
}

/** Whatever was thrown, in words. What is no error of Beltsight is a defect: its text stays in the log. */
export function failure(request: RequestDetails, error: unknown): ReplyMessage {
  const { code, message } =
    error instanceof BeltsightError
      ? error
      : { code: 'COMMAND_FAILED', message: 'The device failed at this: its log says why.' };
  return { ...head(request), ok: false, error: { code, message }, latencyMs: latencyOf(request) };
}

const head = ({ command, id }: RequestDetails) => ({
  schema: 'beltsight.reply/1' as const,
  id,
  command,
  at: new Date().toISOString(),
});

const latencyOf = ({ latencyMs }: RequestDetails) => Math.max(0, Math.round(latencyMs() * 100) / 100);
