/** Colours that people with any kind of colour blindness tell apart (Okabe and Ito 2008; grey for black and for yellow, which vanishes on white). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a8a8a'];

/** Colour of the class or run with this number; there may be more of them than colours, so names stand in the picture, too. */
export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}
