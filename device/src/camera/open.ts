import { withoutPassword } from '@beltsight/sdk';
import type { CameraConfig, CameraSource } from '../config/schema.js';
import { FolderCamera } from './folder.js';
import type { Camera } from './frame.js';
import { ProcessCamera, type ProcessCameraOptions } from './process/process-camera.js';
import { ffmpeg, gstreamer, gstreamerOrFfmpeg, quoted } from './process/programs.js';
import { TestCamera } from './test-pattern.js';
import { V4l2SourceCamera } from './v4l2.js';
import { viewed } from './view.js';
import { watched } from './watched.js';

/** The camera that a configuration describes: live ones watched, its view applied to every frame. */
export function openCamera(config: CameraConfig): Camera {
  const camera = cameraOf(config.name, config.source);
  return viewed(LIVE.has(config.source.type) ? watched(camera, config.watch) : camera, config);
}

/** Sources that something stands before: files may well hold the same image twice. */
const LIVE: ReadonlySet<CameraSource['type']> = new Set(['v4l2', 'gstreamer', 'csi', 'rtsp']);

function cameraOf(name: string, source: CameraSource): Camera {
  switch (source.type) {
    case 'folder':
      return new FolderCamera(name, source);
    case 'test':
      return new TestCamera(name, source);
    case 'v4l2':
      return new V4l2SourceCamera(name, source);
    default:
      return new ProcessCamera({ name, ...programOf(source) });
  }
}

type ProcessSource = Extract<CameraSource, { type: 'gstreamer' | 'csi' | 'rtsp' | 'video' }>;

function programOf(source: ProcessSource): Omit<ProcessCameraOptions, 'name'> {
  const stallMs = source.stallSeconds * 1000;
  switch (source.type) {
    case 'gstreamer': {
      const { pipeline } = source;
      // Passwords may stand anywhere in a pipeline, under the names that its elements give them.
      return { what: 'GStreamer pipeline', program: async () => gstreamer(pipeline, true), paced: true, stallMs };
    }
    case 'csi': {
      const { element, sensor, width, height, rateHz } = source;
      // The sensor's processor gives frames in its own memory; nvvidconv brings them where others can read them.
      const caps = `width=${width},height=${height},framerate=${rateHz}/1`;
      const pipeline = `${element} sensor-id=${sensor} ! video/x-raw(memory:NVMM),format=NV12,${caps} ! nvvidconv ! video/x-raw,format=NV12`;
      return { what: `CSI sensor ${sensor}`, program: async () => gstreamer(pipeline, true), paced: true, stallMs };
    }
    case 'rtsp': {
      const { url, latencyMs, transport, program } = source;
      const pipeline = `rtspsrc location=${quoted(url)} latency=${latencyMs} protocols=${transport} ! decodebin`;
      const input = ['-rtsp_transport', transport, '-i', url];
      const either = { gstreamer: () => gstreamer(pipeline, true), ffmpeg: () => ffmpeg(input) };
      return { what: withoutPassword(url), program: () => gstreamerOrFfmpeg(program, either), paced: true, stallMs };
    }
    case 'video': {
      const { path, loop, program } = source;
      const pipeline = `filesrc location=${quoted(path)} ! decodebin`;
      const either = { gstreamer: () => gstreamer(pipeline, false), ffmpeg: () => ffmpeg(['-i', path]) };
      return { what: path, program: () => gstreamerOrFfmpeg(program, either), paced: false, stallMs, loop };
    }
  }
}
