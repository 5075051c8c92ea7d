import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import sharp from 'sharp';
import manifest from '../../package.json' with { type: 'json' };
import { onnxRuntime } from '../graph/session.js';
import { tf } from '../graph/tfjs.js';

/**
 * Versions of all that computes in a run, by package; those of ONNX Runtime, sharp and tfjs can change a run's bits.
 * @param engine of what its engine adds to the packages that every run needs
 */
export async function packageVersions(engine: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const { versions } = (await onnxRuntime()).env;
  return {
    node: process.versions.node,
    '@beltsight/trainer': manifest.version,
    '@tensorflow/tfjs': tf.version.tfjs,
    'onnxruntime-node': versions.node ?? versions.common,
    sharp: sharp.versions.sharp ?? 'unknown',
    libvips: sharp.versions.vips,
    ...engine,
  };
}

/**
 * Revision of the Git repository that a folder is in, with `+` where something in it is not committed; null without a repository, or without
 * Git.
 */
export async function gitRevision(folder: string): Promise<string | null> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', ['-C', folder, ...args])).stdout.trim();
  try {
    const revision = await git('rev-parse', 'HEAD');
    return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? revision : `${revision}+`;
  } catch {
    return null;
  }
}
