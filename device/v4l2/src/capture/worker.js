// Stands in the sources where the build puts the capture thread, so that the same address finds it in both.
import { register } from 'tsx/esm/api';

register();
await import('./thread.ts');
