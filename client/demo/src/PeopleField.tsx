import { Avatar, nameOf, useConversations } from '@callboard/react';
import { type KeyboardEvent, useId, useMemo, useState } from 'react';
import { Cross } from './icons.js';

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
  const known = useKnownPeople();
  const offered = known.filter((person) => !people.includes(person.userId) && !without.includes(person.userId));

  const add = (userId: string) => {
    const added = userId.trim().replace(/,$/, '').toLowerCase();
    setText('');
    if (added && !people.includes(added)) onChange([...people, added]);
  };
  const pressed = (event: KeyboardEvent) => {
    if ((event.key === 'Enter' || event.key === ',') && text.trim() && !event.nativeEvent.isComposing) {
      event.preventDefault();
      add(text);
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
              onClick={() => onChange(people.filter((p) => p !== userId))}
            >
              <Cross />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={text}
          placeholder={people.length === 0 ? 'User ids, such as bob' : ''}
          autoComplete="off"
          autoCapitalize="none"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
          onBlur={() => add(text)}
        />
      </div>
      {offered.length > 0 && (
        <div className="people-offered">
          {offered.slice(0, 6).map((person) => (
            <button key={person.userId} type="button" className="chip" onClick={() => add(person.userId)}>
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
