// SPDX-License-Identifier: Apache-2.0
// The square of a picture that becomes an avatar.

/** Sides of what is made, in pixels. */
export const AVATAR_SIDE = 512;

/** A square within a picture, in its pixels. */
export interface Square {
  x: number;
  y: number;
  side: number;
}

/** The largest square in the middle. */
export function middle(width: number, height: number): Square {
  const side = Math.min(width, height);
  return { x: (width - side) / 2, y: (height - side) / 2, side };
}

/** Gives the square another size around its middle; zoom 1 is the largest. */
export function zoomed(square: Square, width: number, height: number, zoom: number): Square {
  const side = Math.min(width, height) / Math.max(1, zoom);
  const grown = (square.side - side) / 2;
  return within({ x: square.x + grown, y: square.y + grown, side }, width, height);
}

/** Moves the square, as far as the picture goes. */
export function moved(square: Square, dx: number, dy: number, width: number, height: number): Square {
  return within({ ...square, x: square.x + dx, y: square.y + dy }, width, height);
}

function within({ x, y, side }: Square, width: number, height: number): Square {
  return { x: Math.min(Math.max(x, 0), width - side), y: Math.min(Math.max(y, 0), height - side), side };
}
