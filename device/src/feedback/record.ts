import { isClassName, resultSchema } from '@beltsight/sdk';
import { z } from 'zod';

const markSchema = z.object({
  judgement: z.enum(['false-alarm']),
  class: z.string().refine(isClassName).describe('Folder that the image is filed under.'),
  by: z.string().optional(),
  at: z.iso.datetime(),
});
export type Mark = z.infer<typeof markSchema>;

/** What is known of a frame that was kept: a file beside its image. */
export const recordSchema = z.object({
  schema: z.literal('beltsight.kept-frame/1'),
  result: resultSchema,
  frame: z.object({ format: z.string(), width: z.int(), height: z.int() }).describe('As the camera gave it.'),
  sha256: z.string().describe('Of the image, in hexadecimal.'),
  sizeBytes: z.int().positive().describe('Of the image.'),
  mark: markSchema.optional(),
});
export type KeptFrame = z.infer<typeof recordSchema>;

/** Name of a frame's image. */
export const imageOf = ({ result }: Pick<KeptFrame, 'result'>) => `${result.id}.png`;

/** What training gets to know of a marked frame: what `collect` writes, and what the model and the person said of it. */
export function aboutOf(record: KeptFrame, device: object): object | undefined {
  const { result, frame, mark } = record;
  if (!mark) return undefined;
  const { capturedAt, ...place } = result.frame;
  return {
    file: imageOf(record),
    capturedAt,
    ...device,
    camera: result.camera,
    frame: { ...frame, ...place },
    result: result.id,
    verdict: result.verdict,
    score: result.score,
    threshold: result.threshold,
    pValue: result.pValue,
    class: result.class.name,
    modelId: result.modelId,
    judgement: mark.judgement,
    ...(mark.by === undefined ? {} : { by: mark.by }),
    judgedAt: mark.at,
  };
}
