import type { ReactNode } from 'react';
import icon from './icon.svg';

export function Logo({ small = false }: { small?: boolean }) {
  return (
    <span className="logo" data-small={small || undefined}>
      <img src={icon} alt="" />
      Callboard
    </span>
  );
}

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      className="icon"
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

export const Plus = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" />
  </Icon>
);

export const Cross = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);

export const People = () => (
  <Icon>
    <circle cx="7.5" cy="7" r="2.75" />
    <path d="M2.5 16c.4-2.8 2.4-4.3 5-4.3s4.6 1.5 5 4.3M13 4.5a2.75 2.75 0 0 1 0 5M14.5 12c1.7.5 2.7 1.9 3 4" />
  </Icon>
);

export const HalfMoon = () => (
  <Icon>
    <path d="M16 11.7A6.5 6.5 0 0 1 8.3 4 6.5 6.5 0 1 0 16 11.7z" />
  </Icon>
);

export const Exit = () => (
  <Icon>
    <path d="M8 3.5H5A1.5 1.5 0 0 0 3.5 5v10A1.5 1.5 0 0 0 5 16.5h3M12.5 6.5 16 10l-3.5 3.5M16 10H8" />
  </Icon>
);
