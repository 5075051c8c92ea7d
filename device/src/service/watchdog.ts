import { getSystemErrorName } from 'node:util';
import { BeltsightError } from '@beltsight/sdk';
import koffi from 'koffi';
import type { Logger } from 'pino';
import { z } from 'zod';
import { loadLibrary } from '../native.js';

/** Linux, the same on x64 and arm64. */
const [AF_UNIX, SOCK_DGRAM, SOCK_CLOEXEC, MSG_NOSIGNAL] = [1, 2, 0o2000000, 0x4000];
/** Room for the name in a `sockaddr_un`. */
const NAME_BYTES = 108;

/** What systemd sets for a service with Type=notify and WatchdogSec. */
const environmentSchema = z.object({
  NOTIFY_SOCKET: z
    .string()
    .regex(/^[/@]./, 'must be a path or, after "@", an abstract name')
    .refine((name) => Buffer.byteLength(name) < NAME_BYTES, `must be shorter than ${NAME_BYTES} bytes`)
    .optional(),
  WATCHDOG_USEC: z.coerce.number().int().positive().optional(),
  WATCHDOG_PID: z.coerce.number().int().positive().optional(),
});

export interface WatchdogParts {
  /**
   * Says whether the service does its work. While it says no, or the event loop does not get round to asking, systemd hears
   * nothing and restarts the service once WatchdogSec has passed.
   */
  readonly alive: () => boolean;
  readonly logger: Pick<Logger, 'warn'>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The service's word to systemd: ready, what it does, alive, stopping. Not started by systemd, it says nothing. */
export class Watchdog {
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly alive: () => boolean,
    private readonly send: (...lines: string[]) => void,
    private readonly periodMs: number | undefined,
  ) {}

  /** @throws BeltsightError CONFIG_INVALID if the environment holds what systemd would not set */
  static open({ alive, logger, environment = process.env }: WatchdogParts): Watchdog {
    const parsed = environmentSchema.safeParse(environment);
    if (!parsed.success) {
      throw new BeltsightError(
        'CONFIG_INVALID',
        `The environment is not as systemd sets it: ${z.prettifyError(parsed.error)}. Unset these variables, or start the service by systemctl.`,
      );
    }
    const { NOTIFY_SOCKET: name, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid = process.pid } = parsed.data;
    if (name === undefined) return new Watchdog(alive, () => undefined, undefined);
    // Half the time systemd allows: one late word is not yet a restart.
    const periodMs = microseconds === undefined || pid !== process.pid ? undefined : microseconds / 2000;
    return new Watchdog(alive, sender(name, logger), periodMs);
  }

  /** The service inspects. From here on systemd expects to hear that it is alive. */
  ready(status: string): void {
    this.send('READY=1', statusLine(status));
    if (this.periodMs === undefined || this.#timer) return;
    this.#timer = setInterval(() => {
      if (this.alive()) this.send('WATCHDOG=1');
    }, this.periodMs).unref();
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    this.send(statusLine(text));
  }

  /** The service ends because it wants to. It is still expected to be alive until `close`. */
  stopping(): void {
    this.send('STOPPING=1');
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const statusLine = (text: string) => `STATUS=${text.replace(/\s*\n\s*/g, ' ')}`;

/**
 * Sends datagrams to a Unix socket, which Node cannot. A message that does not arrive is logged and no more: a service that inspects
 * is worth more than its supervision.
 */
function sender(name: string, logger: Pick<Logger, 'warn'>): (...lines: string[]) => void {
  const libc = loadLibrary('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendto = libc.func(
    'long sendto(int fd, const void *data, size_t bytes, int flags, const void *address, uint32_t addressBytes)',
  );
  const close = libc.func('int close(int fd)');
  const address = socketAddress(name);
  return (...lines) => {
    const message = Buffer.from(lines.join('\n'));
    const fd: number = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sent: number = fd < 0 ? -1 : sendto(fd, message, message.length, MSG_NOSIGNAL, address, address.length);
    const reason = sent < 0 ? getSystemErrorName(-koffi.errno()) : undefined;
    if (fd >= 0) close(fd);
    if (reason) logger.warn(`systemd was not told "${lines[0]}": its socket ${name} answers ${reason}.`);
  };
}

/** `sockaddr_un` of a path, or of an abstract name after "@", which begins with a zero byte instead and ends without one. */
export function socketAddress(name: string): Uint8Array {
  const family = new Uint8Array(Uint16Array.of(AF_UNIX).buffer);
  const bytes = name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`;
  return Buffer.concat([family, Buffer.from(bytes)]);
}
