import { Command } from 'commander';
import { addRuntime } from '../provider/add.js';
import { runtimeFolders } from '../score/ort/installed.js';

/** beltsight-device provider add: ONNX Runtime with a GPU, from the wheel that NVIDIA publishes for a JetPack. */
export function providerCommand(): Command {
  const add = new Command('add')
    .description('Put the ONNX Runtime of an onnxruntime-gpu wheel into place; devices use it from their next start')
    .argument('<wheel>', 'such as onnxruntime_gpu-1.23.0-cp310-cp310-linux_aarch64.whl')
    .option('--into <folder>', 'where devices find it', runtimeFolders()[0])
    .action(async (wheel: string, { into }: { into: string }) => {
      // The service is another user than root, whose umask may be strict.
      process.umask(0o022);
      const { library, version, providers } = await addRuntime(wheel, into);
      process.stdout.write(`ONNX Runtime ${version} runs: ${library}\nBuilt with: ${providers.join(', ')}\n`);
    });
  return new Command('provider').description('Manage builds of ONNX Runtime').addCommand(add);
}
