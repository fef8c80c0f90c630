/** Whether the screen is touched: where the keyboard is on it, it should not jump up by itself. */
export function touched(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}
