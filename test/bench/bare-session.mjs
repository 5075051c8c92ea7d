/**
 * A process that holds nothing but a session of onnxruntime-node and runs it for ever: what the device's memory is compared with.
 * node bare-session.mjs MODEL.onnx SIZE
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, size] = process.argv.slice(2);
const session = await InferenceSession.create(model);
const dims = [1, 3, Number(size), Number(size)];
const image = new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b)), dims);
while (true) await session.run({ image });
