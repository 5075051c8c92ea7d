import type { CameraStatus } from '@beltsight/sdk';

/**
 * Frames that came while inspecting was paused: the camera counts them, nothing was lost that anybody wanted. Told from the figures of
 * a camera each time its status is made, which is at every change.
 */
export class Pauses {
  readonly #cameras = new Map<string, { frames: number; paused: boolean; skipped: number }>();

  see(cameras: readonly CameraStatus[]): void {
    for (const camera of cameras) {
      const { name, frames } = camera;
      const before = this.#cameras.get(name) ?? { frames: 0, paused: false, skipped: 0 };
      // A status without the field comes from a camera that cannot be paused.
      const paused = 'paused' in camera && camera.paused === true;
      const skipped = before.skipped + (before.paused ? frames - before.frames : 0);
      this.#cameras.set(name, { frames, paused, skipped });
    }
  }

  framesOf(camera: string): number {
    return this.#cameras.get(camera)?.skipped ?? 0;
  }
}
