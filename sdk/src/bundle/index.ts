export { conformalP, cosineDistance, type Decision, decide, type ModelOutput, nearestClass } from './decide.js';
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
export { type ConformalThreshold, conformalRank, conformalThreshold, smallestRate } from './threshold.js';
