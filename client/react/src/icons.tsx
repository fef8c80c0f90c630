// Drawn for 20 × 20 pixels, in the colour of the text. Never read out: what they mean is written beside them.

import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="callboard-icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const ArrowDown = () => (
  <Icon>
    <path d="M10 4v12M5 11l5 5 5-5" />
  </Icon>
);

export const ChevronLeft = () => (
  <Icon>
    <path d="M12.5 4.5 7 10l5.5 5.5" />
  </Icon>
);

export const ArrowUp = () => (
  <Icon>
    <path d="M10 16V4M4.5 9.5 10 4l5.5 5.5" />
  </Icon>
);

export const Clock = () => (
  <Icon>
    <circle cx="10" cy="10" r="6.5" />
    <path d="M10 6.5V10l2.5 1.5" />
  </Icon>
);

export const Tick = () => (
  <Icon>
    <path d="m4.5 10.5 3.5 3.5 7.5-8" />
  </Icon>
);

export const Ticks = () => (
  <Icon>
    <path d="m1.5 10.5 3.5 3.5 7-8M9.5 13.2l.8.8 7.5-8" />
  </Icon>
);

/** A second pair of ticks would differ from `Ticks` by its colour alone. */
export const TickDisc = () => (
  <Icon>
    <circle cx="10" cy="10" r="8" fill="currentColor" stroke="none" />
    <path className="callboard-cut" d="m6.25 10.5 2.6 2.6 5-5.6" />
  </Icon>
);

export const Alert = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6.5v4M10 13.4v.1" />
  </Icon>
);

export const Cloud = () => (
  <Icon>
    <path d="M6.2 15.5a3.4 3.4 0 0 1-.5-6.8 4.6 4.6 0 0 1 8.7 1 3 3 0 0 1-.3 5.8z" />
  </Icon>
);

export const Bubbles = () => (
  <Icon>
    <path d="M3 5.5A1.5 1.5 0 0 1 4.5 4h7A1.5 1.5 0 0 1 13 5.5v4A1.5 1.5 0 0 1 11.5 11H7l-3 2.5V11a1.5 1.5 0 0 1-1-1.5z" />
    <path d="M15.5 8A1.5 1.5 0 0 1 17 9.5V13a1.5 1.5 0 0 1-1 1.4V17l-2.8-2.5H10" />
  </Icon>
);
