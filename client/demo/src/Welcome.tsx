import { Avatar } from '@callboard/react';
import { type FormEvent, useEffect, useState } from 'react';
import { Logo } from './icons.js';
import { givesTokens, NoTokens, Refused, type Session, sessionOf, sessionOfToken, tokenFor } from './session.js';

const NAMES = ['Alice', 'Bob', 'Carol'];

/** Asks who one is: for a name where the server gives tokens, or else for a token. */
export function Welcome({ onEnter }: { onEnter: (session: Session) => void }) {
  const [asked, setAsked] = useState<'name' | 'token'>();
  useEffect(() => {
    let here = true;
    void givesTokens().then((given) => here && setAsked(given ? 'name' : 'token'));
    return () => {
      here = false;
    };
  }, []);
  return (
    <main className="welcome">
      <div className="welcome-card">
        <Logo />
        {asked === 'name' && <AskName onEnter={onEnter} onNoTokens={() => setAsked('token')} />}
        {asked === 'token' && <AskToken onEnter={onEnter} />}
      </div>
    </main>
  );
}

function AskName({ onEnter, onNoTokens }: { onEnter: (session: Session) => void; onNoTokens: () => void }) {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');

  const enter = async (chosen: string) => {
    setBusy(true);
    setError('');
    const session = sessionOf(chosen);
    try {
      await tokenFor(session);
      onEnter(session);
    } catch (failure) {
      if (failure instanceof NoTokens) onNoTokens();
      else setError(failure instanceof Refused ? failure.message : 'The server cannot be reached. Is it running?');
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) void enter(name);
  };

  return (
    <>
      <h1>Who are you?</h1>
      <p className="welcome-lead">Open this page twice, as two people, and talk to yourself.</p>
      <ul className="welcome-names">
        {NAMES.map((known) => (
          <li key={known}>
            <button type="button" onClick={() => void enter(known)} disabled={busy}>
              <Avatar id={known.toLowerCase()} name={known} size="large" />
              {known}
            </button>
          </li>
        ))}
      </ul>
      <form className="welcome-form" onSubmit={submit}>
        <label htmlFor="name">Or by another name</label>
        <div className="field-row">
          <input
            id="name"
            className="field"
            value={name}
            onChange={(event) => setName(event.target.value)}
            autoComplete="nickname"
            maxLength={60}
            placeholder="Your name"
          />
          <button type="submit" className="button" disabled={busy || !name.trim()}>
            Go on
          </button>
        </div>
        {error && (
          <p className="field-error" role="alert">
            {error}
          </p>
        )}
      </form>
    </>
  );
}

function AskToken({ onEnter }: { onEnter: (session: Session) => void }) {
  const [token, setToken] = useState('');
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const session = sessionOfToken(token);
    if (session) onEnter(session);
    else setWrong(true);
  };
  return (
    <>
      <h1>Your token, please</h1>
      <p className="welcome-lead">
        This server takes the tokens of your platform. For one to try: <code>callboard token --user alice</code>
      </p>
      <form className="welcome-form" onSubmit={submit}>
        <label htmlFor="token">Token (JWT)</label>
        <textarea
          id="token"
          className="field"
          rows={5}
          spellCheck={false}
          value={token}
          onChange={(event) => setToken(event.target.value)}
          aria-invalid={wrong || undefined}
          aria-describedby={wrong ? 'token-error' : undefined}
        />
        {wrong && (
          <p id="token-error" className="field-error" role="alert">
            This is not a token that names a user.
          </p>
        )}
        <button type="submit" className="button button-wide" disabled={!token.trim()}>
          Go on
        </button>
      </form>
    </>
  );
}
