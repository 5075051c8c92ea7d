import { z } from 'zod';
import { type Found, none, ok, unreadable, warning } from '../finding.js';
import type { Machine } from '../machine.js';
import type { Subject } from './board.js';

const FOLDERS = [
  '/usr/local/cuda/lib64',
  '/usr/local/cuda/targets/aarch64-linux/lib',
  '/usr/local/cuda/targets/sbsa-linux/lib',
  '/usr/local/cuda/targets/x86_64-linux/lib',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/local/tensorrt/lib',
  '/opt/tensorrt/lib',
];
const INSTALL = 'sudo apt install nvidia-jetpack';
const CUDA_VERSION = '/usr/local/cuda/version.json';
const cudaSchema = z.object({ cuda: z.object({ version: z.string().regex(/^[\d.]+$/) }) });

/** CUDA: the toolkit's own word, and the runtime library that ONNX Runtime needs. */
export async function cuda({ machine, board }: Subject): Promise<Found> {
  const text = await machine.read(CUDA_VERSION);
  const toolkit = text === undefined ? undefined : versionIn(text);
  const library = await newestLibrary(machine, 'libcudart');
  if (text !== undefined && toolkit === undefined) return unreadable(CUDA_VERSION);
  const found = [
    ...(toolkit === undefined ? [] : [`${toolkit} in /usr/local/cuda`]),
    library ?? 'no libcudart in the usual folders',
  ].join(', ');
  if (library !== undefined) return ok(found);
  return board.jetson ? warning(found, INSTALL) : none(found);
}

export async function tensorRt({ machine, board }: Subject): Promise<Found> {
  const library = await newestLibrary(machine, 'libnvinfer');
  if (library !== undefined) return ok(library);
  const found = 'no libnvinfer in the usual folders';
  return board.jetson ? warning(found, INSTALL) : none(found);
}

const DRIVER = '/proc/driver/nvidia/version';

/** The kernel's driver for NVIDIA GPUs. Up to JetPack 5 a Jetson has its own, nvgpu, which comes with L4T and has no version. */
export async function nvidiaDriver({ machine, board }: Subject): Promise<Found> {
  const text = await machine.read(DRIVER);
  const version = text === undefined ? await machine.read('/sys/module/nvidia/version') : firstVersion(text);
  if (version !== undefined && /^\d+(\.\d+)+$/.test(version)) return ok(version);
  if (text !== undefined || version !== undefined) return unreadable(DRIVER);
  if ((await machine.list('/sys/module/nvgpu')).length > 0) return ok('nvgpu, part of L4T');
  if (!board.jetson) return none('no driver for an NVIDIA GPU is loaded');
  return warning('no driver for the GPU is loaded', 'sudo modprobe nvidia || sudo modprobe nvgpu');
}

/** "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build ..." */
function firstVersion(text: string): string | undefined {
  return /^NVRM version:.*?\s(\d+(?:\.\d+)+)\s/m.exec(`${text} `)?.[1];
}

function versionIn(json: string): string | undefined {
  try {
    return cudaSchema.safeParse(JSON.parse(json)).data?.cuda.version;
  } catch {
    return undefined;
  }
}

/** Such as "libnvinfer.so.10.3.0 in /usr/lib/aarch64-linux-gnu": of the first folder that has one, the newest with the longest name. */
async function newestLibrary(machine: Machine, name: string): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    const pattern = new RegExp(`^${name}\\.so\\.\\d+(\\.\\d+)*$`);
    const newest = (await machine.list(folder)).filter((file) => pattern.test(file)).at(-1);
    if (newest !== undefined) return `${newest} in ${folder}`;
  }
  return undefined;
}
