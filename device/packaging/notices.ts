import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Texts that the licences want to be shipped and the npm packages lack: see THIRD-PARTY.md of the package. */
const TEXTS = fileURLToPath(new URL('./licences', import.meta.url));

const INTRODUCTION = `# Third-party parts

Beltsight itself is under Apache-2.0: see LICENSE and NOTICE. This package also holds the npm packages below, as the registry has
them but for files that a device does not read. The texts that a package carries lie in \`licences/\` under its name.

What the npm packages do not carry:

- onnxruntime-node (its \`libonnxruntime.so.1\`) has neither its licence nor its third-party notices. The licence (MIT, Microsoft Corporation)
  is in \`licences/onnxruntime\`. The notices of the libraries compiled into it are not shipped here: they are the file
  ThirdPartyNotices.txt of https://github.com/microsoft/onnxruntime at the tag of the version below.
- @img/sharp-libvips (\`libvips-cpp.so\`, a shared library that can be replaced) names the libraries in it and their licences in its
  README.md. The texts of LGPL 3 and GPL 3, which it builds on, are in \`licences/libvips\`. Its sources and build scripts:
  https://github.com/lovell/sharp-libvips at the tag of the version below.
- Packages without a text of their own are marked "named only": their package.json names the licence.

| package | version | licence | text |
| --- | --- | --- | --- |
`;

interface Part {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Files of its folder. */
  readonly texts: readonly string[];
  readonly folder: string;
}

/** Writes THIRD-PARTY.md and the licence texts of npm packages, given by their folders. */
export async function writeNotices(packages: readonly string[], into: string): Promise<void> {
  const licences = join(into, 'licences');
  await cp(TEXTS, licences, { recursive: true });
  const parts = await Promise.all([...new Set(packages)].map(partOf));
  parts.sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
  const rows: string[] = [];
  for (const { name, version, license, texts, folder } of parts) {
    const place = join(licences, `${name.replace('/', '+')}@${version}`);
    if (texts.length > 0) await mkdir(place, { recursive: true });
    for (const text of texts) await cp(join(folder, text), join(place, text));
    rows.push(`| ${name} | ${version} | ${license} | ${texts.length > 0 ? texts.join(', ') : 'named only'} |`);
  }
  await writeFile(join(into, 'THIRD-PARTY.md'), `${INTRODUCTION}${rows.join('\n')}\n`);
}

async function partOf(folder: string): Promise<Part> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    name?: string;
    version?: string;
    license?: string;
  };
  if (!name || !version || !license) {
    throw new Error(`${basename(folder)} does not name its licence: look it up before it is shipped (${folder})`);
  }
  const texts = (await readdir(folder)).filter((file) => /^(licen[sc]e|copying|notice|copyright)/i.test(file)).sort();
  return { name, version, license, texts, folder };
}
