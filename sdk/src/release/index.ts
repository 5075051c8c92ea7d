export {
  blobPath,
  channelPath,
  releasePath,
  type Scope,
  scopePath,
  scopePatterns,
  scopeRole,
  scopesOf,
} from './layout.js';
export { type Channel, channelSchema, type Release, releaseSchema } from './release.js';
