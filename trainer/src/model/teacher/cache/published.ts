/** A published file of weights whose checksum is known. */
export interface PublishedBackbone {
  /** timm's name of the weights. */
  readonly name: string;
  readonly sha256: string;
  /** SPDX identifier, as the page of the weights says. */
  readonly license: string;
}

/**
 * model.safetensors of timm's repositories on Hugging Face. Each checksum was found alike in at least two projects that have
 * nothing to do with each other and pin the file; one with fewer witnesses is not here, and is trusted on first use.
 * `tv_in1k` are torchvision's first weights, `racm_in1k` those that CCL's authors used.
 */
export const PUBLISHED: readonly PublishedBackbone[] = [
  {
    name: 'resnet18.tv_in1k',
    sha256: '694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81',
    license: 'BSD-3-Clause',
  },
  {
    name: 'resnet18.a1_in1k',
    sha256: '80c49dee3da4822c009c5a7fe591e9223c5a2cfcf95a4067ca4dfb5a7b89c612',
    license: 'Apache-2.0',
  },
  {
    name: 'resnet50.tv_in1k',
    sha256: '5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888',
    license: 'BSD-3-Clause',
  },
  {
    name: 'resnet50.a1_in1k',
    sha256: '773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb',
    license: 'Apache-2.0',
  },
  {
    name: 'wide_resnet50_2.tv_in1k',
    sha256: 'df6fb6c4824769769de18e14088475fd6ee94236849aa4e5d8022ba9d9a9a16c',
    license: 'BSD-3-Clause',
  },
  {
    name: 'wide_resnet50_2.racm_in1k',
    sha256: '03b71d65fb2c73bb0de079a1781009f27a782ec481d2f64ab3bde9b1cdec3000',
    license: 'Apache-2.0',
  },
];

/** Page of a published file. */
export const pageOf = ({ name }: PublishedBackbone) => `https://huggingface.co/timm/${name}`;

/** The publication that a URL claims to be, in whatever revision. */
export function publishedAt(url: string): PublishedBackbone | undefined {
  const { host, pathname } = new URL(url);
  const name = /^\/timm\/([^/]+)\/(?:resolve|raw|blob)\/[^/]+\/model\.safetensors$/.exec(pathname)?.[1];
  return host === 'huggingface.co' ? PUBLISHED.find((published) => published.name === name) : undefined;
}
