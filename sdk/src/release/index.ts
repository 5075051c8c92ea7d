export {
  blobPath,
  channelPath,
  releasePath,
  type Scope,
  scopePath,
  scopePatterns,
  scopeRole,
  scopesOf,
  targetFile,
} from './layout.js';
export { type Channel, channelSchema, type Release, releaseSchema } from './release.js';
