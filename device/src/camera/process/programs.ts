import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { BeltsightError } from '@beltsight/sdk';
import { gdpFrames } from './gdp.js';
import type { Program } from './process-camera.js';
import { y4mFrames } from './y4m.js';

/** Formats that the pixels may leave a pipeline in; videoconvert changes nothing where one of them comes in. */
const ANY_FORMAT = 'video/x-raw,format={NV12,YUY2,UYVY,GRAY8,RGB,BGR,BGRx,NV21,GRAY16_LE}';
/** A slow reader gets the newest frame, not one from seconds ago. */
const NEWEST = 'queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0';

/**
 * A GStreamer pipeline with its end: raw frames in a format that is understood, each with its time, on file descriptor 3.
 * @param live whether frames that nobody takes are dropped
 */
export function gstreamer(pipeline: string, live: boolean): Program {
  const elements = [
    pipeline,
    'videoconvert',
    ANY_FORMAT,
    ...(live ? [NEWEST] : []),
    'gdppay',
    'fdsink fd=3 sync=false',
  ];
  const args = ['-q', ...words(elements.join(' ! '))];
  return { command: 'gst-launch-1.0', args, output: 3, stream: gdpFrames, package: GSTREAMER_PACKAGES };
}

const GSTREAMER_PACKAGES =
  'gstreamer1.0-tools, gstreamer1.0-plugins-base, gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad';

/** ffmpeg on an input: planar frames on its standard output. */
export function ffmpeg(input: readonly string[]): Program {
  const args = [
    '-nostdin',
    '-hide_banner',
    '-loglevel',
    'error',
    ...input,
    '-an',
    '-f',
    'yuv4mpegpipe',
    '-pix_fmt',
    'yuv420p',
    '-strict',
    '-1',
    '-',
  ];
  return { command: 'ffmpeg', args, output: 'stdout', stream: y4mFrames, package: 'ffmpeg' };
}

/** Whichever is installed, GStreamer first: it uses the decoder of a Jetson. */
export async function gstreamerOrFfmpeg(
  wanted: 'auto' | 'gstreamer' | 'ffmpeg',
  programs: { gstreamer: () => Program; ffmpeg: () => Program },
): Promise<Program> {
  if (wanted !== 'auto') return programs[wanted]();
  if (await installed('gst-launch-1.0')) return programs.gstreamer();
  if (await installed('ffmpeg')) return programs.ffmpeg();
  throw new BeltsightError(
    'CAMERA_FAILED',
    `Neither GStreamer nor ffmpeg is installed: install ${GSTREAMER_PACKAGES}, or ffmpeg.`,
  );
}

async function installed(command: string): Promise<boolean> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const found = await access(join(folder, command), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** A pipeline as the words of a command line: at blanks, but not within quotation marks. No shell is involved. */
function words(text: string): string[] {
  return Array.from(text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g), ([word]) => word.replace(/["']/g, ''));
}

/** A value within a pipeline, in quotation marks. */
export function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}
