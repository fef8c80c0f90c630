import { useEffect, useState } from 'react';
import { dayOf } from './format.js';

/** The day that it is, as `dayOf` counts: another one after midnight, on a page that stays open. */
export function useToday(): number {
  const [today, setToday] = useState(() => dayOf(new Date()));
  useEffect(() => {
    const timer = setInterval(() => setToday(dayOf(new Date())), 60_000);
    return () => clearInterval(timer);
  }, []);
  return today;
}
