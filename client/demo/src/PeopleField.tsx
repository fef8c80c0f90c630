import { Avatar, nameOf, useConversations } from '@callboard/react';
import { type FocusEvent, type KeyboardEvent, type MouseEvent, useId, useMemo, useRef, useState } from 'react';
import { Cross } from './icons.js';
import { sessionOf } from './session.js';

interface PeopleFieldProps {
  label: string;
  /** The ids of those who were chosen. */
  people: readonly string[];
  onChange: (people: readonly string[]) => void;
  /** Who need not be offered. */
  without: readonly string[];
}

/** Takes ids of users one after the other, and offers those whom one knows. */
export function PeopleField({ label, people, onChange, without }: PeopleFieldProps) {
  const [text, setText] = useState('');
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const known = useKnownPeople();
  const sought = text.trim().toLowerCase();
  const offered = known.filter(
    (person) =>
      !people.includes(person.userId) &&
      !without.includes(person.userId) &&
      [person.userId, nameOf(person)].some((called) => called.toLowerCase().includes(sought)),
  );

  const add = (userIds: readonly string[]) => {
    const added = userIds.filter((userId) => userId && !people.includes(userId));
    setText('');
    if (added.length > 0) onChange([...people, ...new Set(added)]);
  };
  const addWritten = () => add(text.split(',').map((name) => sessionOf(name).userId));
  // Who goes on to those who are offered has only looked for one of them.
  const left = ({ relatedTarget }: FocusEvent) => {
    if (!relatedTarget?.closest('.people-offered')) addWritten();
  };
  /** Does what a button says, which is gone then. */
  const then = (act: () => void) => (event: MouseEvent) => {
    if (event.currentTarget === document.activeElement) input.current?.focus();
    act();
  };
  const pressed = (event: KeyboardEvent) => {
    if ((event.key === 'Enter' || event.key === ',') && text.trim() && !event.nativeEvent.isComposing) {
      event.preventDefault();
      addWritten();
    } else if (event.key === 'Backspace' && !text) onChange(people.slice(0, -1));
  };

  return (
    <div className="people-field">
      <label htmlFor={id}>{label}</label>
      <div className="field people-input">
        {people.map((userId) => (
          <span key={userId} className="chip">
            {userId}
            <button
              type="button"
              aria-label={`Without ${userId}`}
              onClick={then(() => onChange(people.filter((p) => p !== userId)))}
            >
              <Cross />
            </button>
          </span>
        ))}
        <input
          id={id}
          ref={input}
          value={text}
          placeholder={people.length === 0 ? 'User ids, such as bob' : ''}
          autoComplete="off"
          autoCapitalize="none"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
          onBlur={left}
        />
      </div>
      {offered.length > 0 && (
        <div className="people-offered">
          {offered.slice(0, 6).map((person) => (
            <button
              key={person.userId}
              type="button"
              className="chip"
              onMouseDown={(event) => event.preventDefault()}
              onClick={then(() => add([person.userId]))}
            >
              <Avatar id={person.userId} name={nameOf(person)} size="small" />
              {nameOf(person)}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

const FIRST = ['Alice', 'Bob', 'Carol'].map((name) => ({ userId: name.toLowerCase(), name }));

/** The people of all loaded conversations, and for the start those whom `callboard dev` has tokens for. */
function useKnownPeople(): { userId: string; name: string | null }[] {
  const { items } = useConversations();
  return useMemo(() => {
    const people = [...items.flatMap((conversation) => conversation.participants), ...FIRST];
    return [...new Map(people.map(({ userId, name }) => [userId, { userId, name }])).values()];
  }, [items]);
}
