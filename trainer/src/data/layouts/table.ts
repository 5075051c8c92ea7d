import { btad } from './btad.js';
import type { Layout } from './layout.js';
import { mvtec } from './mvtec.js';
import { mvtec3d } from './mvtec-3d.js';
import { visa } from './visa.js';

/** The layouts that are known; MVTec AD's is the most general and comes last. */
export const LAYOUTS: readonly Layout[] = [visa, mvtec3d, btad, mvtec];
