import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ioctls from '../../device/v4l2/src/abi/ioctl.js';
import * as structs from '../../device/v4l2/src/abi/structs.js';

/** Layout of the structures, and numbers of the requests, in linux/videodev2.h. */
export interface HeaderNumbers {
  /** [offset, size] of each member, and of the whole as `sizeof`. */
  readonly structs: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>;
  readonly ioctls: Readonly<Record<string, number>>;
  readonly formats: Readonly<Record<string, number>>;
}

/** V4L2_PIX_FMT_* of the four-character codes that the package knows. */
const FORMATS: Readonly<Record<string, string>> = {
  YUYV: 'YUYV',
  UYVY: 'UYVY',
  NV12: 'NV12',
  NM12: 'NV12M',
  NV21: 'NV21',
  NM21: 'NV21M',
  YU12: 'YUV420',
  YM12: 'YUV420M',
  GREY: 'GREY',
  'Y10 ': 'Y10',
  'Y12 ': 'Y12',
  'Y16 ': 'Y16',
  'Y16 -BE': 'Y16_BE',
  RGB3: 'RGB24',
  BGR3: 'BGR24',
  XR24: 'XBGR32',
  MJPG: 'MJPEG',
  JPEG: 'JPEG',
};

/** What a C compiler makes of the header of this machine. Needs gcc and the kernel's headers. */
export function compileHeader(folder: string): HeaderNumbers {
  const [source, program] = [join(folder, 'header.c'), join(folder, 'header')];
  writeFileSync(source, sourceCode());
  execFileSync('gcc', ['-Wall', '-Werror', '-o', program, source]);
  return JSON.parse(execFileSync(program, { encoding: 'utf8' }));
}

/** The header that {@link compileHeader} reads, as its package and version. */
export function headerVersion(): string {
  const file = execFileSync('gcc', ['-E', '-include', 'linux/version.h', '-dM', '-'], { input: '', encoding: 'utf8' });
  const code = Number(/LINUX_VERSION_CODE (\d+)/.exec(file)?.[1]);
  return `${code >>> 16}.${(code >>> 8) & 0xff}.${code & 0xff}`;
}

function sourceCode(): string {
  const members = Object.entries(structs).flatMap(([name, struct]) =>
    typeof struct === 'number'
      ? []
      : [
          `  printf("%s\\"${name}\\": {\\"sizeof\\": [0, %zu]", separator, sizeof(struct ${name})); separator = ", ";`,
          ...Object.keys(struct.fields).map((member) => {
            const size = `sizeof(((struct ${name} *)0)->${member})`;
            return `  printf(", \\"${member}\\": [%zu, %zu]", offsetof(struct ${name}, ${member}), ${size});`;
          }),
          '  printf("}");',
        ],
  );
  const entries = (values: readonly (readonly [string, string])[]) =>
    values.map(
      ([key, value], i) => `  printf("${i ? ', ' : ''}\\"${key}\\": %llu", (unsigned long long)(unsigned)${value});`,
    );
  const requests = Object.values(ioctls).map(({ name }) => [name, name] as const);
  const formats = Object.entries(FORMATS).map(([key, name]) => [key, `V4L2_PIX_FMT_${name}`] as const);
  return [
    '#include <stddef.h>',
    '#include <stdio.h>',
    '#include <linux/videodev2.h>',
    'int main(void) {',
    '  const char *separator = "";',
    '  printf("{\\"structs\\": {");',
    ...members,
    '  printf("}, \\"ioctls\\": {");',
    ...entries(requests),
    '  printf("}, \\"formats\\": {");',
    ...entries(formats),
    '  printf("}}\\n");',
    '  return 0;',
    '}',
    '',
  ].join('\n');
}
