import type { CameraState, Point, State } from './model.js';

export const DIMS = [0, 0.35, 0.6] as const;

/** What people have chosen to see. */
export interface Screen {
  /** Key of the camera in the single view; undefined: the overview, but for a line with one camera. */
  readonly camera: string | undefined;
  /** The overview was asked for. */
  readonly overview: boolean;
  /** Id of the result that is looked at again. */
  readonly replay: string | undefined;
  readonly heatmap: boolean;
  /** Of the heatmap, 0..1. */
  readonly opacity: number;
  readonly theme: 'dark' | 'light';
  /** Which of `DIMS`. */
  readonly dim: number;
}

export type Action =
  | { readonly type: 'overview' | 'live' | 'heatmap' | 'theme' | 'dim' }
  /** The n-th camera, from 0. */
  | { readonly type: 'camera'; readonly index: number }
  | { readonly type: 'turn'; readonly by: 1 | -1 }
  /** One reject towards older (-1) or newer (1) ones. */
  | { readonly type: 'step'; readonly by: 1 | -1 }
  | { readonly type: 'replay'; readonly id: string }
  | { readonly type: 'opacity'; readonly opacity: number };

/** The camera that is seen alone; undefined in the overview. */
export function cameraOn(state: State, { camera, overview }: Screen): CameraState | undefined {
  if (camera !== undefined) return state.cameras.get(camera);
  const [first, second] = state.cameras.values();
  return overview || second ? undefined : first;
}

/** The result that is looked at again, where it is still kept. */
export function replayed(camera: CameraState | undefined, { replay }: Screen): Point | undefined {
  return camera?.rejects.find(({ id }) => id === replay);
}

/** What is on the screen after an action. Pure. */
export function act(screen: Screen, action: Action, state: State): Screen {
  const keys = [...state.cameras.keys()];
  switch (action.type) {
    case 'overview':
      return { ...screen, camera: undefined, overview: true, replay: undefined };
    case 'camera': {
      const camera = keys[action.index];
      return camera === undefined ? screen : { ...screen, camera, overview: false, replay: undefined };
    }
    case 'turn': {
      if (keys.length === 0) return screen;
      const at = keys.indexOf(cameraOn(state, screen)?.key ?? '');
      const next = at < 0 ? (action.by > 0 ? 0 : keys.length - 1) : (at + action.by + keys.length) % keys.length;
      return { ...screen, camera: keys[next], overview: false, replay: undefined };
    }
    case 'live':
      return { ...screen, replay: undefined };
    case 'replay':
      return { ...screen, replay: action.id };
    case 'step':
      return { ...screen, replay: stepped(cameraOn(state, screen), screen, action.by) };
    case 'heatmap':
      return { ...screen, heatmap: !screen.heatmap };
    case 'opacity':
      return { ...screen, heatmap: true, opacity: Math.min(1, Math.max(0.1, action.opacity)) };
    case 'theme':
      return { ...screen, theme: screen.theme === 'dark' ? 'light' : 'dark' };
    case 'dim':
      return { ...screen, dim: (screen.dim + 1) % DIMS.length };
  }
}

/** From live the newest reject is the first; from the newest one, newer is live again. */
function stepped(camera: CameraState | undefined, screen: Screen, by: 1 | -1): string | undefined {
  const rejects = camera?.rejects ?? [];
  const at = rejects.findIndex(({ id }) => id === screen.replay);
  if (at < 0) return by < 0 ? rejects.at(-1)?.id : undefined;
  return rejects[Math.max(0, at + by)]?.id;
}
