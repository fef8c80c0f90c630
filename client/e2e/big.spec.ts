// Ten thousand messages: up to the first one, while older pages come in, and down again.

import { atBottom, chat, expect, test } from './support/test.js';

/** Pixels a frame, which is 60 times as much a second: faster than a finger flings. */
const STEP = Number(process.env.STEP ?? 1_000);

test('ten thousand messages scroll smoothly', async ({ api, person }, { annotations }) => {
  test.setTimeout(300_000);
  const id = await api.conversation(['bob', 'alice']);
  await api.fill('bob', id, 10_000);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  await expect.poll(() => atBottom(chat(page))).toBe(true);

  const up = summary(await chat(page).evaluate(scroll, -STEP));
  await expect(
    chat(page)
      .getByText(/^Message \d+ /)
      .first(),
  ).toBeAttached();
  await expect(chat(page).locator('.callboard-day')).toBeAttached();
  const down = summary(await chat(page).evaluate(scroll, STEP));

  annotations.push({ type: 'frames', description: JSON.stringify({ up, down }) });
  console.log('ten thousand messages:', JSON.stringify({ up, down }));
  for (const { p50, rows, nodes } of [up, down]) {
    expect(rows).toBeLessThan(150);
    expect(nodes).toBeLessThan(2_000);
    // Drawn in software, beside a server and another test: a bound for accidents, not a measurement.
    expect(p50).toBeLessThan(100);
  }
});

/** The times of frames in milliseconds, and the most elements there were. */
function summary({ frames, ...most }: Awaited<ReturnType<typeof scroll>>) {
  frames.sort((a, b) => a - b);
  const at = (part: number) => Math.round((frames[Math.floor(frames.length * part)] ?? 0) * 10) / 10;
  return { frames: frames.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), ...most };
}

/** Scrolls by `step` with each frame, to the end, until there is no more to come. In the page. */
async function scroll(list: Element, step: number) {
  const frames: number[] = [];
  let [rows, nodes, still] = [0, 0, 0];
  let last = performance.now();
  while (still < 20) {
    const now = await new Promise<number>((painted) => requestAnimationFrame(painted));
    frames.push(now - last);
    last = now;
    const before = list.scrollTop;
    list.dispatchEvent(new Event('wheel'));
    list.scrollTop += step;
    still = list.scrollTop === before && !(step < 0 && list.querySelector('.callboard-spinner')) ? still + 1 : 0;
    if (frames.length % 20 === 0) {
      rows = Math.max(rows, list.querySelectorAll('li').length);
      nodes = Math.max(nodes, document.querySelectorAll('*').length);
    }
  }
  return { frames, rows, nodes, height: list.scrollHeight };
}
