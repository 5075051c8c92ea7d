import { basename } from 'node:path';
import type { ImageLoader } from '../../../data/loader.js';
import type { ClassConfusion, ReconstructionFigures } from '../../confusion/figures.js';
import { confusedPairs } from '../../confusion/matrix.js';
import type { Reconstruction } from '../../confusion/reconstruction.js';
import type { Evaluated } from '../../evaluate.js';
import { plain } from '../overlay.js';
import { percent } from '../page.js';
import { escapeHtml } from '../svg.js';
import { matrices } from './matrix.js';
import { embeddingScatter } from './scatter.js';

/** So many of the worst pairs of classes are shown, with one example each. */
const PAIRS = 8;

/** The section on classes that are confused with each other: of all classes together. */
export async function confusionSection(
  { evaluation, details, reconstructions }: Evaluated,
  loader: ImageLoader,
): Promise<string> {
  const { recognised, separation, reconstruction } = evaluation.classConfusion;
  const parts = [
    embeddingScatter(details),
    `<p class="legend">Each mark is an image, by what the model makes of it before it reconstructs: images that lie together look alike to it. Point at a mark for its file, at a class to see it alone. Only who is near whom says something; distances between groups do not.</p>`,
    separationText(separation),
    `<h3>Recognised as</h3><p>Rows: the class of the image; columns: the class whose centroid is nearest to its embedding.</p>${matrices(recognised)}`,
    reconstruction && reconstructions
      ? `<h3>Reconstructed as</h3>${reconstructionText(reconstruction)}${matrices(reconstruction.student)}${await examples(reconstruction, reconstructions, loader)}`
      : '<p>Which class the student reconstructs is measured with <code>--run RUN</code>.</p>',
  ];
  return `<section><h2>Classes among each other</h2>${parts.join('')}</section>`;
}

function separationText(separation: ClassConfusion['separation']): string {
  if (separation === null) return '';
  const { vMeasure, homogeneity, completeness, clusters } = separation;
  return `<p>V-measure <b>${vMeasure.toFixed(3)}</b> of ${clusters} clusters by k-means, which know nothing of the classes: homogeneity ${homogeneity.toFixed(3)} (1: each cluster holds one class), completeness ${completeness.toFixed(3)} (1: each class lies in one cluster).</p>`;
}

function reconstructionText({ reconstructedAsOwn, seenAsOwn }: ReconstructionFigures): string {
  return `<p>Rows: the class of the image; columns: the class whose mean features, of the teacher on good training images, are nearest to what the student reconstructs.
<b>${percent(reconstructedAsOwn)}</b> of the images are reconstructed as their own class; by the teacher's own features ${percent(seenAsOwn)} are nearest to it, more than which cannot be expected.</p>`;
}

/** The worst pairs with an image each, beside the training image that is most like its reconstruction. */
async function examples(
  { student }: ReconstructionFigures,
  reconstructions: readonly Reconstruction[],
  loader: ImageLoader,
): Promise<string> {
  const pairs = (['good', 'defect'] as const).flatMap((kind) =>
    confusedPairs(student[kind]).map((pair) => ({ ...pair, kind })),
  );
  pairs.sort((a, b) => b.share - a.share);
  const figures: string[] = [];
  for (const { from, to, kind, images, share } of pairs.slice(0, PAIRS)) {
    const example = reconstructions.find(
      ({ product, student: as, image }) =>
        product === from && as === to && (image.defect !== undefined) === (kind === 'defect'),
    ) as Reconstruction;
    const { file, defect } = example.image;
    const [shown, like] = [await picture(file, loader), await picture(example.likeness, loader)];
    const what = escapeHtml(`${from} → ${to}`);
    const how = `${images} ${kind === 'good' ? 'good' : 'defective'} (${percent(share)})`;
    const names = escapeHtml(
      `${defect ?? 'good'}/${basename(file)}; its reconstruction is most like ${to}'s ${basename(example.likeness)}`,
    );
    figures.push(
      `<figure class="pair"><img src="${shown}" alt="${what}: an image"><img src="${like}" alt="${what}: what its reconstruction is most like"><figcaption><b>${what}</b>, ${how}<br>${names}</figcaption></figure>`,
    );
  }
  const count = pairs.length > PAIRS ? `${PAIRS} of ${pairs.length}` : `${pairs.length}`;
  return pairs.length === 0
    ? '<p>No image is reconstructed as another class.</p>'
    : `<h3>Most confused pairs (${count})</h3><div class="row">${figures.join('')}</div>`;
}

async function picture(file: string, loader: ImageLoader): Promise<string> {
  return plain({ pixels: await loader.load(file), size: loader.size });
}
