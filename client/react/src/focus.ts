/** Gives the keyboard to the messages, before the button among them that has it is gone. */
export function focusMessages(button: Element) {
  const list = button.closest('.callboard-messages')?.querySelector<HTMLElement>('.callboard-scroller');
  list?.focus({ preventScroll: true });
}
