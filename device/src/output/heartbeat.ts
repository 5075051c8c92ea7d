import type { StatusMessage } from '@beltsight/sdk';
import type { HeartbeatConfig } from './schema.js';
import type { Switch } from './signal/pulse.js';

export interface HeartbeatParts {
  readonly config: HeartbeatConfig;
  /** For how long a frame has been in work, the longest of all cameras, in milliseconds. */
  readonly busyMs: () => number;
  /** Hears every beat, with its number. */
  readonly beat: (number: number) => void;
  /** Carries a square wave, half a period a beat. */
  readonly line: Switch | undefined;
  /** Hears why the line cannot be switched: once until it can. */
  readonly failed: (error: unknown) => void;
}

/** A sign of life: it beats while frames get through, and stops with inspection, the event loop or the process. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #cameras: StatusMessage['cameras'] = [];
  #number = 0;
  #level = false;
  #failing = false;

  constructor(private readonly parts: HeartbeatParts) {
    this.#timer = setInterval(() => this.#beat(), parts.config.periodMs);
  }

  status({ cameras = [] }: StatusMessage): void {
    this.#cameras = cameras;
  }

  /** Whether frames get through. */
  get alive(): boolean {
    const { config, busyMs } = this.parts;
    // A paused camera runs: it takes frames and inspects none.
    const inspecting = (this.#cameras ?? []).map(({ state, paused }) => state === 'running' && !paused);
    const enough = config.cameras === 'all' ? !inspecting.includes(false) : inspecting.includes(true);
    return inspecting.length > 0 && enough && busyMs() < config.stuckMs;
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#level) this.#switch(false);
  }

  #beat(): void {
    if (!this.alive) {
      // At rest, so that a pulse detector that only looks at the level sees the stop as well.
      if (this.#level) this.#switch(false);
      return;
    }
    this.#switch(!this.#level);
    this.parts.beat(++this.#number);
  }

  #switch(level: boolean): void {
    try {
      this.parts.line?.set(level);
      this.#level = level;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.parts.failed(error);
      this.#failing = true;
    }
  }
}
