/** Images of a class: good ones to train on, good ones and defects to measure with. */
export type Counts = readonly [train: number, good: number, defects: number];

/** A data set that others published. */
export interface PublishedDataset {
  readonly name: string;
  /** Official page. */
  readonly page: string;
  /** Names that its folders and archives have. */
  readonly called: RegExp;
  /** Its classes; undefined where no count of the class is published. */
  readonly classes: Readonly<Record<string, Counts | undefined>>;
  /** Where the classes have no counts: those of all together, if they are published. */
  readonly total?: Counts;
  /** Set if its classes are experiments of their own, of which there is no sum. */
  readonly alternatives?: true;
}

/** Classes of which no counts are published. */
const uncounted = (...names: readonly string[]): Record<string, undefined> =>
  Object.fromEntries(names.flatMap((line) => line.split(' ')).map((name) => [name, undefined] as const));

export const PUBLISHED: readonly PublishedDataset[] = [
  {
    // Bergmann et al., CVPR 2019, table 1.
    name: 'MVTec AD',
    page: 'https://www.mvtec.com/company/research/datasets/mvtec-ad',
    called: /^mvtec(?![_-]?3d|[_-]?(loco|ad[_-]?2))/i,
    classes: {
      bottle: [209, 20, 63],
      cable: [224, 58, 92],
      capsule: [219, 23, 109],
      carpet: [280, 28, 89],
      grid: [264, 21, 57],
      hazelnut: [391, 40, 70],
      leather: [245, 32, 92],
      metal_nut: [220, 22, 93],
      pill: [267, 26, 141],
      screw: [320, 41, 119],
      tile: [230, 33, 84],
      toothbrush: [60, 12, 30],
      transistor: [213, 60, 40],
      wood: [247, 19, 60],
      zipper: [240, 32, 119],
    },
  },
  {
    // Bergmann et al., VISAPP 2022, table 1; training with validation images.
    name: 'MVTec 3D-AD',
    page: 'https://www.mvtec.com/company/research/datasets/mvtec-3d-ad',
    called: /^mvtec[_-]?3d/i,
    classes: {
      bagel: [244 + 22, 22, 88],
      cable_gland: [223 + 23, 21, 87],
      carrot: [286 + 29, 27, 132],
      cookie: [210 + 22, 28, 103],
      dowel: [288 + 34, 26, 104],
      foam: [236 + 27, 20, 80],
      peach: [361 + 42, 26, 106],
      potato: [300 + 33, 22, 92],
      rope: [298 + 33, 32, 69],
      tire: [210 + 29, 25, 87],
    },
  },
  {
    // Zou et al., ECCV 2022: the split that trains on one class, split_csv/1cls.csv.
    name: 'VisA',
    page: 'https://github.com/amazon-science/spot-diff',
    called: /^visa([_.-]|$)/i,
    classes: {
      candle: [900, 100, 100],
      capsules: [542, 60, 100],
      cashew: [450, 50, 100],
      chewinggum: [453, 50, 100],
      fryum: [450, 50, 100],
      macaroni1: [900, 100, 100],
      macaroni2: [900, 100, 100],
      pcb1: [904, 100, 100],
      pcb2: [901, 100, 100],
      pcb3: [905, 101, 100],
      pcb4: [904, 101, 100],
      pipe_fryum: [450, 50, 100],
    },
  },
  {
    // Mishra et al., ISIE 2021.
    name: 'BTAD',
    page: 'https://github.com/pankajmishra000/VT-ADL',
    called: /^(btad|btech)/i,
    classes: { '01': [400, 21, 49], '02': [399, 30, 200], '03': [1000, 400, 41] },
  },
  {
    // Wang et al., CVPR 2024; images of all five views, the split for unsupervised detection.
    name: 'Real-IAD',
    page: 'https://realiad4ad.github.io/Real-IAD/',
    called: /^real[_-]?iad/i,
    classes: uncounted(
      'audiojack bottle_cap button_battery end_cap eraser fire_hood mint mounts pcb phone_battery plastic_nut',
      'plastic_plug porcelain_doll regulator rolled_strip_base sim_card_set switch tape terminalblock',
      'toothbrush toy toy_brick transistor1 u_block usb usb_adaptor vcpill wooden_beads woodstick zipper',
    ),
    total: [36465, 63256, 51329],
  },
  {
    // Fan et al., CVPR 2025: 137.3 thousand images of five views, of which 8.6 thousand are defective; no counts of the parts.
    name: 'MANTA',
    page: 'https://grainnet.github.io/MANTA',
    called: /^manta/i,
    classes: uncounted(
      'maize paddy soybean wheat block_inductor copper_standoff flat_nut led led_pad long_button power_inductor',
      'short_button thin_resistor type_c wafer_resistor coffee_beans goji_berries pistachios button gear nut',
      'nut_cap red_washer round_button_cap screw square_button_cap terminal wire_cap yellow_green_washer',
      'capsule coated_tablet embossed_tablet lettered_tablet oblong_tablet pink_tablet red_tablet white_tablet',
      'yellow_tablet',
    ),
  },
  {
    // Zhang et al., arXiv 2404.10760, on the images of COCO 2017.
    name: 'COCO-AD',
    alternatives: true,
    page: 'https://cocodataset.org/#download',
    called: /^(coco|(train|val)2017|annotations_trainval2017)/i,
    classes: {
      split0: [30438, 1291, 3661],
      split1: [65133, 2785, 2167],
      split2: [79083, 3328, 1624],
      split3: [77580, 3253, 1699],
    },
  },
];
