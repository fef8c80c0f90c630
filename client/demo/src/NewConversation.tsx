import { useMessaging } from '@callboard/react';
import { type FormEvent, useState } from 'react';
import { Dialog } from './Dialog.js';
import { PeopleField } from './PeopleField.js';
import { goTo } from './useRoute.js';

/** Asks with whom, and creates a conversation: a direct one between two, a group otherwise or if it has a title. */
export function NewConversation({ onClose }: { onClose: () => void }) {
  const client = useMessaging();
  const [people, setPeople] = useState<readonly string[]>([]);
  const [title, setTitle] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');

  const create = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError('');
    const name = title.trim();
    const kind = people.length === 1 && !name ? 'direct' : 'group';
    try {
      const { id } = await client.createConversation({ participantIds: people, kind, ...(name && { title: name }) });
      onClose();
      goTo(id);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
      setBusy(false);
    }
  };

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form className="form" onSubmit={create}>
        <PeopleField label="With whom?" people={people} onChange={setPeople} without={[client.userId]} />
        <label>
          <span>
            Title <small>(optional)</small>
          </span>
          <input className="field" value={title} maxLength={200} onChange={(event) => setTitle(event.target.value)} />
        </label>
        {error && (
          <p className="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button button-wide" disabled={busy || people.length === 0}>
          Start
        </button>
      </form>
    </Dialog>
  );
}
