import { createReadStream } from 'node:fs';
import { BeltsightError } from '@beltsight/sdk';
import { JSONParser } from '@streamparser/json';
import { z } from 'zod';

const imageSchema = z.object({
  id: z.int(),
  file_name: z.string().min(1),
  width: z.int().positive(),
  height: z.int().positive(),
});
const categorySchema = z.object({ id: z.int(), name: z.string().min(1) });
/** What an annotation says at least. */
export const annotationSchema = z.object({ image_id: z.int(), category_id: z.int() });

/** An annotation with where the object is: polygons, or, for a crowd, runs column by column. */
export const outlinedSchema = annotationSchema.extend({
  segmentation: z.union([
    z.array(z.array(z.number())),
    z.object({ counts: z.array(z.int().nonnegative()), size: z.tuple([z.int(), z.int()]) }),
  ]),
});
export type Outlined = z.infer<typeof outlinedSchema>;

/** Images and categories of an annotation file of COCO, by their numbers. */
export interface Instances {
  readonly images: ReadonlyMap<number, z.infer<typeof imageSchema>>;
  readonly categories: ReadonlyMap<number, string>;
}

/**
 * Reads an annotation file of COCO piece by piece: that of the training images has 470 MB.
 * @param schema of an annotation: what of it is looked at
 * @param visit hears of each
 * @throws BeltsightError DATASET_INVALID naming the file, and the entry or the place that is wrong
 */
export async function readInstances<T extends z.ZodType>(
  file: string,
  schema: T,
  visit: (annotation: z.output<T>) => void,
): Promise<Instances> {
  const images = new Map<number, z.infer<typeof imageSchema>>();
  const categories = new Map<number, string>();
  const invalid = (why: string, cause: unknown) =>
    new BeltsightError('DATASET_INVALID', `${file}: ${why}. Unpack the data set anew.`, { cause });
  const parsed = <S extends z.ZodType>(of: S, value: unknown, place: string): z.output<S> => {
    const { data, error } = of.safeParse(value);
    if (error === undefined) return data;
    const [issue] = error.issues as [z.core.$ZodIssue];
    throw invalid(`${[place, ...issue.path].join('.')}: ${issue.message}`, error);
  };
  const parser = new JSONParser({ paths: ['$.images.*', '$.annotations.*', '$.categories.*'], keepStack: false });
  let failure: Error | undefined;
  parser.onError = (error) => {
    failure ??= error;
  };
  parser.onValue = ({ value, key, stack }) => {
    const list = String(stack[1]?.key);
    const place = `${list}.${String(key)}`;
    if (list === 'annotations') visit(parsed(schema, value, place));
    else if (list === 'images') {
      const image = parsed(imageSchema, value, place);
      images.set(image.id, image);
    } else {
      const { id, name } = parsed(categorySchema, value, place);
      categories.set(id, name);
    }
  };
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      parser.write(chunk as Uint8Array);
      if (failure) throw failure;
    }
  } catch (cause) {
    if (cause instanceof BeltsightError) throw cause;
    throw invalid(`cannot be read: ${(cause as Error).message}`, cause);
  }
  if (!parser.isEnded) throw invalid('ends before its content does', undefined);
  return { images, categories };
}
