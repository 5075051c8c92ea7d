import type { Field, Fields, Struct } from './abi/field.js';

/** Memory for the kernel. It never moves: V8 keeps small arrays on its own heap unless they are given a buffer. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(sizeBytes: number) {
    const buffer = new ArrayBuffer(sizeBytes);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Zeroed memory of a structure, with some of its members set. */
  static of<F extends Fields>(struct: Struct<F>, values: Values<F> = {}): Memory {
    const memory = new Memory(struct.size);
    memory.write(struct, values);
    return memory;
  }

  write<F extends Fields>(struct: Struct<F>, values: Values<F>, base = 0): void {
    for (const [name, value] of Object.entries(values)) {
      (struct.fields[name] as unknown as Field<unknown>).set(this.view, value, base);
    }
  }
}

type Values<F> = { readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never };
