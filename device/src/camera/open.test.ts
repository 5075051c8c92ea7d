import { describe, expect, it } from 'vitest';
import { deviceConfigSchema } from '../config/schema.js';
import { openCamera } from './open.js';

describe('openCamera', () => {
  it.each([
    { type: 'gstreamer', pipeline: 'nosuchsrc location="rtsp://admin:se@cret@camera/line" user-pw=secret' },
    { type: 'rtsp', url: 'rtsp://admin:se@cret@127.0.0.1:1/line', program: 'ffmpeg' },
  ])('tells no password of a $type source that fails', async (source) => {
    const config = deviceConfigSchema.shape.cameras.element.parse({ name: 'belt', source });
    const error = await openCamera(config)
      .check()
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: 'CAMERA_FAILED', message: expect.stringMatching(/^Camera "belt"/) });
    expect(error.message).not.toMatch(/cret/);
  });
});
