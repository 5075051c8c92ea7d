import type { CommandArguments, CommandName, ReplyMessage } from '@beltsight/sdk';

/** Carries out commands; whoever provides it authorises and audits them. */
export interface CommandRunner {
  run<N extends CommandName>(
    name: N,
    args: CommandArguments<N>,
    from: { readonly source: 'sparkplug'; readonly id: string },
  ): Promise<ReplyMessage>;
}

/** A bounded queue of records, oldest first: on disk or in memory. When full it gives up the oldest. */
export interface Queue {
  push(record: Uint8Array): void;
  /** The oldest records, which stay in the queue. */
  peek(count: number): readonly { readonly key: number; readonly record: Uint8Array }[];
  /** Takes out everything up to this key. */
  removeThrough(key: number): void;
  readonly size: number;
  close(): Promise<void>;
}
