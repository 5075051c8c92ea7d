import { type Camera, copied, type Frame } from './frame.js';

/** Lets others see the frames of a camera that is read already: opening it twice is not possible. */
export class Tap {
  readonly #takers = new Set<(frame: Frame) => void>();

  /** Shows a frame to those who wait for one. */
  offer(frame: Frame): void {
    for (const take of [...this.#takers]) take(frame);
  }

  /** The camera as others see it: a copy of the next frame whenever they ask for one. What comes meanwhile passes them by. */
  camera(name: string): Camera {
    const next = (signal: AbortSignal) => this.#next(signal);
    return {
      name,
      paced: true,
      check: async () => `camera "${name}", which is running`,
      async *frames(signal) {
        for (let frame = await next(signal); frame; frame = await next(signal)) yield frame;
      },
    };
  }

  /** A copy of the next frame. undefined: the signal came first. */
  #next(signal: AbortSignal): Promise<Frame | undefined> {
    return new Promise((resolve) => {
      const end = (frame?: Frame) => {
        this.#takers.delete(take);
        signal.removeEventListener('abort', stop);
        resolve(frame && copied(frame));
      };
      const take = (frame: Frame) => end(frame);
      const stop = () => end();
      if (signal.aborted) return stop();
      this.#takers.add(take);
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}
