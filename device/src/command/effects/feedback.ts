import type { CommandArguments, CommandValue } from '@beltsight/sdk';
import type { ModelInUse } from '../../service/model.js';
import { type Controls, controlOf } from './effects.js';
import { requireClass } from './recipe.js';

export interface FeedbackParts {
  readonly controls: Controls;
  readonly model: Pick<ModelInUse, 'manifest'>;
  /** Has the frame of a result filed. */
  readonly mark: MarkResult;
}

/** @throws BeltsightError where it cannot */
export type MarkResult = (args: CommandArguments<'feedback'>) => Promise<CommandValue<'feedback'>>;

/** Says that a result was a false alarm. */
export function feedbackEffect({ controls, model, mark }: FeedbackParts): MarkResult {
  return async (args) => {
    controlOf(controls, args.camera);
    if (args.class !== undefined) requireClass(model.manifest, args.class);
    return mark(args);
  };
}
