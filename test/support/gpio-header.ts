import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as abi from '../../device/src/output/gpio/abi.js';

/** Layouts and numbers in linux/gpio.h. */
export interface GpioHeader {
  /** [offset, size] of each member, and of the whole as `sizeof`. */
  readonly structs: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>;
  readonly numbers: Readonly<Record<string, number>>;
}

/** What the device's tables say. */
export function gpioTables(): GpioHeader {
  const { GPIO_IOCTLS, GPIO_FLAGS, Struct: _, ...structs } = abi;
  return {
    structs: Object.fromEntries(
      Object.entries(structs).map(([name, { size, fields }]) => [name, { sizeof: [0, size], ...fields }]),
    ),
    numbers: { ...GPIO_IOCTLS, ...GPIO_FLAGS },
  };
}

/** What a C compiler makes of the header of this machine. Needs gcc and the kernel's headers. */
export function compileGpioHeader(folder: string): GpioHeader {
  const [source, program] = [join(folder, 'gpio.c'), join(folder, 'gpio')];
  writeFileSync(source, sourceCode(gpioTables()));
  execFileSync('gcc', ['-Wall', '-Werror', '-o', program, source]);
  return JSON.parse(execFileSync(program, { encoding: 'utf8' }));
}

function sourceCode({ structs, numbers }: GpioHeader): string {
  const comma = (i: number) => (i === 0 ? '' : ', ');
  const members = Object.entries(structs).flatMap(([name, fields], i) => [
    `  printf("${comma(i)}\\"${name}\\": {\\"sizeof\\": [0, %zu]", sizeof(struct ${name}));`,
    ...Object.keys(fields)
      .filter((member) => member !== 'sizeof')
      .map((member) => {
        const size = `sizeof(((struct ${name} *)0)->${member})`;
        return `  printf(", \\"${member}\\": [%zu, %zu]", offsetof(struct ${name}, ${member}), ${size});`;
      }),
    '  printf("}");',
  ]);
  const values = Object.keys(numbers).map(
    (name, i) => `  printf("${comma(i)}\\"${name}\\": %llu", (unsigned long long)${name});`,
  );
  return [
    '#include <stddef.h>',
    '#include <stdio.h>',
    '#include <linux/gpio.h>',
    'int main(void) {',
    '  printf("{\\"structs\\": {");',
    ...members,
    '  printf("}, \\"numbers\\": {");',
    ...values,
    '  printf("}}\\n");',
    '  return 0;',
    '}',
    '',
  ].join('\n');
}
