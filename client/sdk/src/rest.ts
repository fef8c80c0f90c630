import { asError, CallboardError, closed } from './errors.js';
import type { Settings } from './settings.js';
import type { Tokens } from './tokens.js';
import type {
  Conversation,
  ConversationPage,
  Message,
  Problem,
  ReadState,
  SequencedEvent,
  SyncAnswer,
} from './wire.js';

/** What `POST /messages/sync` answers, with events told apart. */
export type Missed = Omit<SyncAnswer, 'conversations'> & {
  conversations: { conversationId: string; events: SequencedEvent[]; more: boolean }[];
};

const ROOT = '/messages/conversations';

/** The REST API. Every method rejects with a `CallboardError`. */
export class Rest {
  readonly #pending = new Set<AbortController>();
  #closed = false;

  /** `refused` is told when the server refuses a token, and a fresh one too. */
  constructor(
    readonly settings: Settings,
    readonly tokens: Tokens,
    readonly refused: (error: CallboardError) => void,
  ) {}

  conversations(cursor?: string): Promise<ConversationPage> {
    const query = new URLSearchParams({ limit: `${this.settings.pageSize}`, ...(cursor !== undefined && { cursor }) });
    return this.#data('GET', `${ROOT}?${query}`);
  }

  /** A new conversation, and whether it was created now. */
  async create(body: object): Promise<{ conversation: Conversation; created: boolean }> {
    const { status, data } = await this.#request('POST', ROOT, body);
    return { conversation: data as Conversation, created: status === 201 };
  }

  conversation(id: string): Promise<Conversation> {
    return this.#data('GET', at(id));
  }

  rename(id: string, title: string): Promise<Conversation> {
    return this.#data('PATCH', at(id), { title });
  }

  delete(id: string): Promise<void> {
    return this.#data('DELETE', at(id));
  }

  addParticipants(id: string, userIds: readonly string[]): Promise<Conversation> {
    return this.#data('POST', at(id, 'participants'), { userIds });
  }

  removeParticipant(id: string, userId: string): Promise<void> {
    return this.#data('DELETE', at(id, 'participants', userId));
  }

  /** Newest first. */
  async messages(id: string, before?: number): Promise<Message[]> {
    const older = before === undefined ? '' : `&before=${before}`;
    const page = await this.#data<{ items: Message[] }>(
      'GET',
      `${at(id, 'messages')}?limit=${this.settings.pageSize}${older}`,
    );
    return page.items;
  }

  send(id: string, message: { content: string; clientMessageId: string }): Promise<Message> {
    return this.#data('POST', at(id, 'messages'), message);
  }

  markRead(id: string, messageIds: readonly string[]): Promise<ReadState> {
    return this.#data('PATCH', at(id, 'read'), { messageIds });
  }

  /** The events after a number, in order; fewer than 100 if those are all. */
  async events(id: string, after: number): Promise<SequencedEvent[]> {
    return (await this.#data<{ items: SequencedEvent[] }>('GET', `${at(id, 'events')}?limit=100&after=${after}`)).items;
  }

  sync(cursors: Record<string, number>): Promise<Missed> {
    return this.#data('POST', '/messages/sync', { cursors });
  }

  /** Ends what is under way. */
  close(): void {
    this.#closed = true;
    this.tokens.close();
    for (const controller of this.#pending) controller.abort();
  }

  async #data<T>(method: string, path: string, body?: object): Promise<T> {
    return (await this.#request(method, path, body)).data as T;
  }

  async #request(method: string, path: string, body?: object): Promise<{ status: number; data: unknown }> {
    for (let again = false; ; again = true) {
      const token = await this.tokens.current();
      try {
        return await this.#attempt(method, path, body, token);
      } catch (cause) {
        const error = asError(cause);
        if (error.status !== 401) throw error;
        if (this.tokens.drop(token) && again) {
          this.refused(error);
          throw error;
        }
      }
    }
  }

  async #attempt(method: string, path: string, body: object | undefined, token: string) {
    if (this.#closed) throw closed();
    const controller = new AbortController();
    this.#pending.add(controller);
    const timer = setTimeout(() => controller.abort(), this.settings.requestTimeout);
    try {
      const response = await fetch(this.settings.url + path, {
        method,
        headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: controller.signal,
      });
      if (!response.ok) throw await refusal(response);
      return { status: response.status, data: response.status === 204 ? undefined : await response.json() };
    } catch (cause) {
      if (cause instanceof CallboardError) throw cause;
      if (this.#closed) throw closed();
      if (controller.signal.aborted)
        throw new CallboardError('timeout', 'The server did not answer in time.', { cause });
      throw new CallboardError('network', 'The server could not be reached.', { cause });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(controller);
    }
  }
}

const at = (...path: string[]) => [ROOT, ...path.map(encodeURIComponent)].join('/');

/** The server's problem, or if something in between has answered, the status in its place. */
async function refusal(response: Response): Promise<CallboardError> {
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const { status, statusText, headers } = response;
  const code = problem.code ?? (status < 500 ? 'invalid_data' : 'unavailable');
  return new CallboardError(code, problem.detail ?? `${status} ${statusText}`, {
    status,
    retryAfter: Number(headers.get('Retry-After')) * 1000 || undefined,
  });
}
