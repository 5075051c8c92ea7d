/** A cleared canvas to draw a chart on, in CSS pixels, sharp on any screen. */
export interface Chart {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** A colour of the theme by its name: `--<name>`. */
  colour(name: string): string;
}

/** Makes the canvas as fine as the screen and clears it. */
export function beginChart(canvas: HTMLCanvasElement): Chart {
  const { clientWidth: width, clientHeight: height } = canvas;
  const [columns, rows] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  // Setting a size, even the same one, throws the canvas away.
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  const style = getComputedStyle(canvas);
  return { context, width, height, colour: (name) => style.getPropertyValue(`--${name}`) };
}

/** A level line over the whole width. */
export function line(
  context: CanvasRenderingContext2D,
  width: number,
  y: number,
  colour: string,
  dash: readonly number[] = [],
): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.setLineDash([...dash]);
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(width, y);
  context.stroke();
  context.setLineDash([]);
}
