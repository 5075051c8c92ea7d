import { describe, expect, it } from 'vitest';
import { cameraCommand } from './camera.js';

describe('beltsight-device camera', () => {
  it('says by which command to find a camera, where the one that was named is not there', async () => {
    const command = cameraCommand(new URL('file:///watch-page.js'));
    await expect(command.parseAsync(['show', '/dev/no-such-camera'], { from: 'user' })).rejects.toMatchObject({
      code: 'CAMERA_FAILED',
      message: /\/dev\/no-such-camera.*; beltsight-device camera list gives those that are there/,
    });
  });
});
