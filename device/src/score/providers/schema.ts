import { z } from 'zod';

/** Execution providers in the order in which they are preferred. */
const PROVIDERS = ['tensorrt', 'cuda', 'webgpu', 'cpu'] as const;
export type ProviderName = (typeof PROVIDERS)[number];
export type AcceleratorName = Exclude<ProviderName, 'cpu'>;

const flag = (text: string) => z.boolean().optional().describe(text);
const count = (text: string) => z.int().min(0).optional().describe(text);
const text = (about: string) => z.string().min(1).optional().describe(about);
const choice = <const T extends readonly [string, ...string[]]>(values: T, about: string) =>
  z.enum(values).optional().describe(about);

/**
 * Options of the TensorRT provider: ONNX Runtime's own (docs, "TensorRT Execution Provider", 1.23) in camel case, without the
 * prefix `trt_`. Those that take pointers are left out.
 */
export const tensorRtOptionsSchema = z.strictObject({
  deviceId: count('GPU.'),
  maxWorkspaceSize: count('Bytes that a build may use; 0: all of the GPU.'),
  maxPartitionIterations: count('Attempts to split the graph.'),
  minSubgraphSize: count('Smaller parts of the graph stay off TensorRT.'),
  fp16Enable: flag('Half precision; on unless switched off.'),
  bf16Enable: flag('bfloat16.'),
  int8Enable: flag('8-bit integers; on by itself for a bundle exported with --precision int8.'),
  int8CalibrationTableName: text('Calibration table, where the graph has no QuantizeLinear nodes.'),
  int8UseNativeCalibrationTable: flag("The table is TensorRT's own, not ONNX Runtime's."),
  dlaEnable: flag('Use a deep learning accelerator core.'),
  dlaCore: count('Which one.'),
  engineCacheEnable: flag('Keep built engines; on unless switched off.'),
  engineCachePath: text("Folder for them; default: below the device's cache, by model, versions and options."),
  engineCachePrefix: text('Start of their file names.'),
  engineHwCompatible: flag('Engines that run on other GPUs from Ampere on, at some cost.'),
  weightStrippedEngineEnable: flag('Engines without weights, refitted when loaded.'),
  onnxModelFolderPath: text('Where a weight-stripped engine finds its weights.'),
  engineDecryptionEnable: flag('Decrypt cached engines.'),
  engineDecryptionLibPath: text('Library that does.'),
  timingCacheEnable: flag('Keep kernel timings between builds; on unless switched off.'),
  timingCachePath: text("Folder for them; default: below the device's cache."),
  forceTimingCache: flag('Use timings of another GPU.'),
  forceSequentialEngineBuild: flag('One build at a time on several GPUs.'),
  builderOptimizationLevel: z.int().min(0).max(5).optional().describe('0 builds fast, 5 runs fast; default 3.'),
  buildHeuristicsEnable: flag('Build faster by heuristics.'),
  detailedBuildLog: flag('Log every step of a build.'),
  auxiliaryStreams: z.int().min(-1).optional().describe('Streams besides the main one; -1: TensorRT chooses.'),
  contextMemorySharingEnable: flag('Share memory between parts of the graph.'),
  cudaGraphEnable: flag('Replay a captured CUDA graph.'),
  sparsityEnable: flag('Use sparse weights.'),
  layerNormFp32Fallback: flag('Keep layer normalisation in single precision.'),
  tacticSources: text('Such as "-CUDNN,+CUBLAS".'),
  extraPluginLibPaths: text('Plug-in libraries, separated by ";".'),
  profileMinShapes: text('For graphs of variable shape, which an export is not.'),
  profileMaxShapes: text('The same.'),
  profileOptShapes: text('The same.'),
  opTypesToExclude: text('Operators to keep off TensorRT, separated by commas.'),
  previewFeatures: text('Preview features of TensorRT, by number.'),
  loadUserInitializer: flag('Read weights from memory instead of from the file.'),
  dumpSubgraphs: flag('Write the parts of the graph to files.'),
  dumpEpContextModel: flag('Write an ONNX model that refers to the engine.'),
  epContextFilePath: text('Where.'),
  epContextEmbedMode: z.int().min(0).max(1).optional().describe('1: with the engine inside.'),
});

/** Options of the CUDA provider: ONNX Runtime's own (docs, "CUDA Execution Provider", 1.23) in camel case. */
export const cudaOptionsSchema = z.strictObject({
  deviceId: count('GPU.'),
  gpuMemLimit: count('Bytes of GPU memory at most.'),
  arenaExtendStrategy: choice(['kNextPowerOfTwo', 'kSameAsRequested'], 'How its memory grows.'),
  cudnnConvAlgoSearch: choice(['EXHAUSTIVE', 'HEURISTIC', 'DEFAULT'], 'How cuDNN chooses algorithms.'),
  cudnnConvUseMaxWorkspace: flag('Let cuDNN use as much memory as it likes.'),
  cudnnConv1dPadToNc1d: flag('Which dimension one-dimensional convolutions are padded in.'),
  doCopyInDefaultStream: flag('Copy in the stream that computes.'),
  useEpLevelUnifiedStream: flag('One stream for everything.'),
  enableCudaGraph: flag('Replay a captured CUDA graph.'),
  enableSkipLayerNormStrictMode: flag('Exact instead of fast.'),
  preferNhwc: flag('Channels last.'),
  useTf32: flag('TensorFloat-32.'),
  fuseConvBias: flag('Fuse convolutions with what follows.'),
  sdpaKernel: count('Attention kernels, as bits.'),
  tunableOpEnable: flag('Choose kernels by measuring.'),
  tunableOpTuningEnable: flag('Measure at run time.'),
  tunableOpMaxTuningDurationMs: count('For at most so long.'),
});

const bufferCache = choice(['disabled', 'lazyRelease', 'simple', 'bucket'], 'How GPU buffers are reused.');

/** Options of the WebGPU provider: ONNX Runtime's own (docs, "WebGPU Execution Provider"). Those that take pointers are left out. */
export const webGpuOptionsSchema = z.strictObject({
  deviceId: count('Sessions of the same number share a device.'),
  dawnBackendType: choice(['Vulkan', 'D3D12'], 'Graphics interface.'),
  powerPreference: choice(['high-performance', 'low-power'], 'Which GPU, where there are two.'),
  preferredLayout: choice(['NCHW', 'NHWC'], 'Order of dimensions.'),
  enableGraphCapture: flag('Replay recorded commands.'),
  enableInt64: flag('64-bit integers in shaders.'),
  multiRotaryCacheConcatOffset: count('For rotary embeddings.'),
  forceCpuNodeNames: text('Nodes to keep on the processor, a line each.'),
  enablePIXCapture: flag('Capture runs for PIX, on Windows.'),
  preserveDevice: flag('Keep the device after its last session.'),
  validationMode: choice(['disabled', 'wgpuOnly', 'basic', 'full'], 'How much is checked.'),
  maxStorageBufferBindingSize: count('Bytes of one buffer.'),
  storageBufferCacheMode: bufferCache,
  uniformBufferCacheMode: bufferCache,
  queryResolveBufferCacheMode: bufferCache,
  defaultBufferCacheMode: bufferCache,
});

/** How the model is run. */
export const runtimeSchema = z.strictObject({
  threads: z.int().positive().max(256).optional().describe('Inference threads; default: all cores.'),
  library: z
    .string()
    .optional()
    .describe('A libonnxruntime.so to use instead of the one that is found; relative to this file.'),
  providers: z
    .array(z.enum(PROVIDERS))
    .min(1)
    .default(['tensorrt', 'cuda', 'cpu'])
    .describe('Tried in this order: the first that runs the model and passes the self-test is used.'),
  strict: z
    .boolean()
    .default(false)
    .describe('Use the first provider or fail: nothing of the model may run on the processor instead.'),
  cache: z.string().optional().describe('Folder for built engines; relative to this file.'),
  tensorrt: tensorRtOptionsSchema.default({}),
  cuda: cudaOptionsSchema.default({}),
  webgpu: webGpuOptionsSchema.default({}),
});
export type RuntimeConfig = z.infer<typeof runtimeSchema>;
