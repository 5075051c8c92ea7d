import { btad } from './btad.js';
import { cocoAd } from './coco-ad/coco-ad.js';
import type { Layout } from './layout.js';
import { manta } from './manta.js';
import { mvtec } from './mvtec.js';
import { mvtec3d } from './mvtec-3d.js';
import { realIad } from './real-iad.js';
import { visa } from './visa.js';

/** The layouts that are known; MVTec AD's is the most general and comes last. */
export const LAYOUTS: readonly Layout[] = [visa, cocoAd, realIad, mvtec3d, btad, manta, mvtec];
