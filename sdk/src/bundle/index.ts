export { type BundleClass, type BundleManifest, classSchema, MANIFEST, manifestSchema } from './manifest.js';
