// What the browser keeps for the page. One that may keep nothing throws when it is asked to: then nothing is kept.

type Where = 'localStorage' | 'sessionStorage';

export function stored(where: Where, key: string): string | null {
  try {
    return window[where].getItem(key);
  } catch {
    return null;
  }
}

export function store(where: Where, key: string, value: string | undefined) {
  try {
    if (value === undefined) window[where].removeItem(key);
    else window[where].setItem(key, value);
  } catch {}
}
