export { conformalP, cosineDistance, type Decision, decide, type ModelOutput } from './decide.js';
export {
  type BundleClass,
  type BundleManifest,
  MANIFEST,
  manifestSchema,
  PRECISIONS,
  type Precision,
} from './manifest.js';
export { type Bundle, type DigestFile, type FileDigest, openBundle, type ReadFile } from './open.js';
export { type BundleParts, sealBundle } from './seal.js';
export { type ConformalThreshold, conformalThreshold, smallestRate } from './threshold.js';
