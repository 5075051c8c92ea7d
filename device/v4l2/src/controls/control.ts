import { CTRL_FLAG, CTRL_TYPE } from '../abi/constants.js';

/** enum v4l2_ctrl_type by the names of this package. */
const CONTROL_TYPES = {
  integer: CTRL_TYPE.INTEGER,
  boolean: CTRL_TYPE.BOOLEAN,
  menu: CTRL_TYPE.MENU,
  button: CTRL_TYPE.BUTTON,
  integer64: CTRL_TYPE.INTEGER64,
  string: CTRL_TYPE.STRING,
  bitmask: CTRL_TYPE.BITMASK,
  'integer-menu': CTRL_TYPE.INTEGER_MENU,
} as const;
export type ControlType = keyof typeof CONTROL_TYPES;

/** V4L2_CTRL_FLAG_*, in lower case. */
export type ControlFlag = Lowercase<Exclude<Underlined<keyof typeof CTRL_FLAG>, 'NEXT-CTRL'>>;
type Underlined<T extends string> = T extends `${infer A}_${infer B}` ? `${A}-${Underlined<B>}` : T;

/** One choice of a menu. */
export interface MenuItem {
  readonly index: number;
  /** What it is called, or the number that it stands for in an `integer-menu`. */
  readonly label: string | bigint;
}

/** Something that can be set on a device, as the driver describes it (VIDIOC_QUERY_EXT_CTRL). */
export interface Control {
  readonly id: number;
  /** The driver's name in lower case with underlines, as v4l2-ctl has it: `white_balance_automatic`. */
  readonly name: string;
  /** The driver's name. */
  readonly title: string;
  readonly type: ControlType;
  /** Least and greatest value: numbers, places in the menu, bits, or lengths of a string. */
  readonly minimum: bigint;
  readonly maximum: bigint;
  readonly step: bigint;
  readonly defaultValue: ControlValue;
  /** Choices of a `menu` or an `integer-menu`, without those that the driver leaves out; empty for other types. */
  readonly menu: readonly MenuItem[];
  readonly flags: ReadonlySet<ControlFlag>;
}

/**
 * Value of a control: a number for integers, menus (the place of a choice) and bit masks, a boolean, a bigint for `integer64`, a
 * string; null for a button, which has none.
 */
export type ControlValue = number | bigint | boolean | string | null;

/** The name of a control as v4l2-ctl prints it: what is no letter or digit becomes one underline. */
export function controlName(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}

export function flagsOf(bits: number): ReadonlySet<ControlFlag> {
  return new Set(FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name));
}

const FLAGS = Object.entries(CTRL_FLAG)
  .filter(([name]) => name !== 'NEXT_CTRL')
  .map(([name, bit]) => [name.toLowerCase().replaceAll('_', '-') as ControlFlag, bit] as const);

/** The type of a number of enum v4l2_ctrl_type; undefined for headings and compound controls, which are no values. */
export function controlTypeOf(number: number): ControlType | undefined {
  return TYPES.get(number);
}

const TYPES = new Map<number, ControlType>(
  Object.entries(CONTROL_TYPES).map(([name, number]) => [number, name as ControlType]),
);
