import { describe, expect, it } from 'vitest';
import { withoutPassword } from './problem.js';

describe('an address in messages and logs', () => {
  it.each([
    ['rtsp://camera.plant:554/stream1?profile=2', 'rtsp://camera.plant:554/stream1?profile=2'],
    ['rtsp://ada:s3cret@camera.plant/1', 'rtsp://***@camera.plant/1'],
    ['rtsp://ada:s@3/cr#et@camera.plant/1', 'rtsp://***@camera.plant/1'],
    [
      'rtsp://camera.plant/1?user=ada&password=s3cret&channel=1',
      'rtsp://camera.plant/1?user=ada&password=***&channel=1',
    ],
    ['rtsp://camera.plant/user=ada&passwd=s3cret&channel=1/x', 'rtsp://camera.plant/user=ada&passwd=***&channel=1/x'],
    [
      'rtsp://camera.plant/user=ada_password=s3_cret_channel=1.sdp?real',
      'rtsp://camera.plant/user=ada_password=***?real',
    ],
    ['wss://broker.plant/mqtt?Token=s3cret#top', 'wss://broker.plant/mqtt?Token=***#top'],
    ['Could not open "rtsp://camera.plant/1?pwd=s3cret": 401', 'Could not open "rtsp://camera.plant/1?pwd=***": 401'],
  ])('%s', (address, told) => {
    expect(withoutPassword(address)).toBe(told);
  });
});
