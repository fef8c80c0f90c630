import { Avatar } from '@callboard/react';
import { type ReactNode, useState } from 'react';
import { Exit, HalfMoon, Logo, Plus } from './icons.js';
import type { Session } from './session.js';
import { applyTheme, otherTheme, storedTheme } from './theme.js';

interface SidebarProps {
  session: Session;
  onStart: () => void;
  onLeave: () => void;
  children: ReactNode;
}

/** The conversations, and what one can do besides opening one. */
export function Sidebar({ session, onStart, onLeave, children }: SidebarProps) {
  return (
    <aside className="pane-side" aria-label="Conversations and account">
      <header className="side-header">
        <h1>
          <Logo small />
        </h1>
        <button type="button" className="button button-small" onClick={onStart}>
          <Plus />
          New
        </button>
      </header>
      {children}
      <footer className="side-footer">
        <Avatar id={session.userId} name={session.name} />
        <span className="side-name">
          {session.name}
          <small>{session.userId}</small>
        </span>
        <ThemeSwitch />
        <button type="button" className="icon-button" aria-label="Leave" title="Leave" onClick={onLeave}>
          <Exit />
        </button>
      </footer>
    </aside>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  const next = otherTheme(theme);
  const label = next === 'dark' ? 'Dark theme' : 'Light theme';
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <HalfMoon />
    </button>
  );
}
