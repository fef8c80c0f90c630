import type { ConversationState } from '@callboard/client';
import { hueOf, initialsOf, nameOf, titleOf } from './format.js';

/** The properties of `Avatar`. */
export interface AvatarProps {
  /** What the colour follows from: it stays when the name changes. */
  id: string;
  /** What the initials are of. */
  name: string;
  size?: 'small' | 'medium' | 'large';
}

/** Initials on a colour. Decoration: the name stands beside it. */
export function Avatar({ id, name, size = 'medium' }: AvatarProps) {
  return (
    <span className="callboard-avatar" data-hue={hueOf(id)} data-size={size} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}

/** The picture of a conversation: that of the other, if there is one other and no title. */
export function ConversationAvatar({
  conversation,
  userId,
  size = 'medium',
}: {
  conversation: ConversationState;
  userId: string;
  size?: AvatarProps['size'];
}) {
  const others = conversation.participants.filter((person) => person.userId !== userId);
  const [other] = others;
  const alone = other && others.length === 1 && !conversation.title;
  const name = conversation.title || others.map(nameOf).join(' ') || titleOf(conversation, userId);
  return <Avatar id={alone ? other.userId : conversation.id} name={name} size={size} />;
}
