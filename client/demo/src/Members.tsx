import type { ConversationState } from '@callboard/client';
import { Avatar, nameOf, useConversation, useMessaging } from '@callboard/react';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Cross } from './icons.js';
import { PeopleField } from './PeopleField.js';
import { goTo } from './useRoute.js';

/** Who takes part, and what one may change. It takes the keyboard, for it may cover the conversation; Escape closes it. */
export function Members({ conversation, onClose }: { conversation: ConversationState; onClose: () => void }) {
  const { userId } = useMessaging();
  const { handle } = useConversation(conversation.id);
  const [error, setError] = useState('');
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  const creator = conversation.createdBy === userId;
  const group = conversation.kind === 'group';
  const act = (action: Promise<void>) => {
    setError('');
    action.catch((failure: unknown) => setError(failure instanceof Error ? failure.message : String(failure)));
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.nativeEvent.isComposing) onClose();
  };

  return (
    <aside className="members" aria-label="People and settings" onKeyDown={pressed}>
      <header>
        <h2>{group ? 'Group' : 'Conversation'}</h2>
        <button ref={close} type="button" className="icon-button" aria-label="Close" onClick={onClose}>
          <Cross />
        </button>
      </header>
      <Rename
        key={conversation.title}
        title={conversation.title ?? ''}
        onRename={(title) => act(handle.rename(title))}
      />
      <h3>
        {conversation.participantCount} {conversation.participantCount === 1 ? 'person' : 'people'}
      </h3>
      <ul>
        {conversation.participants.map((person) => (
          <li key={person.userId}>
            <Avatar id={person.userId} name={nameOf(person)} />
            <span className="member-name">
              {nameOf(person)}
              {person.userId === userId && ' (you)'}
              <small>{person.userId === conversation.createdBy ? 'started it' : person.userId}</small>
            </span>
            {creator && group && person.userId !== userId && (
              <button
                type="button"
                className="icon-button"
                aria-label={`Remove ${nameOf(person)}`}
                title="Remove"
                onClick={() => act(handle.removeParticipant(person.userId))}
              >
                <Cross />
              </button>
            )}
          </li>
        ))}
      </ul>
      {conversation.participantCount > conversation.participants.length && (
        <p>and {conversation.participantCount - conversation.participants.length} more</p>
      )}
      {group && (
        <Add
          without={conversation.participants.map((person) => person.userId)}
          onAdd={(people) => act(handle.addParticipants(people))}
        />
      )}
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
      <footer>
        {group && (
          <button
            type="button"
            className="button button-quiet"
            onClick={() => act(handle.leave().then(() => goTo(undefined)))}
          >
            Leave
          </button>
        )}
        {creator && <Delete onDelete={() => act(handle.delete().then(() => goTo(undefined)))} />}
      </footer>
    </aside>
  );
}

function Rename({ title, onRename }: { title: string; onRename: (title: string) => void }) {
  const [text, setText] = useState(title);
  const id = useId();
  const changed = text.trim() !== '' && text.trim() !== title;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed) onRename(text.trim());
  };
  return (
    <form className="form" onSubmit={submit}>
      <div className="form-field">
        <label htmlFor={id}>Title</label>
        <div className="field-row">
          <input
            id={id}
            className="field"
            value={text}
            maxLength={200}
            placeholder="No title"
            onChange={(event) => setText(event.target.value)}
          />
          {changed && (
            <button type="submit" className="button">
              Save
            </button>
          )}
        </div>
      </div>
    </form>
  );
}

function Add({ without, onAdd }: { without: readonly string[]; onAdd: (people: readonly string[]) => void }) {
  const [people, setPeople] = useState<readonly string[]>([]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (people.length === 0) return;
    onAdd(people);
    setPeople([]);
  };
  return (
    <form className="form" onSubmit={submit}>
      <PeopleField label="Add people" people={people} onChange={setPeople} without={without} />
      {people.length > 0 && (
        <button type="submit" className="button button-wide">
          Add
        </button>
      )}
    </form>
  );
}

/** Asks once more: it is gone for everyone. */
function Delete({ onDelete }: { onDelete: () => void }) {
  const [asked, setAsked] = useState(false);
  return asked ? (
    // Not by the second of two clicks that were meant as one.
    <button type="button" className="button button-danger" onClick={({ detail }) => detail < 2 && onDelete()}>
      Delete for everyone
    </button>
  ) : (
    <button type="button" className="button button-quiet danger" onClick={() => setAsked(true)}>
      Delete…
    </button>
  );
}
