// A run's result as a table in Markdown, as docs/testing.md shows it.

export function table({ seed, clients, count, unanswered, attempts, cuts, peakKiB, seconds, faults }) {
  const rows = [
    ['clients', clients],
    ['messages sent', count.said],
    ['messages arrived', count.arrived],
    ['messages acknowledged to the client, once each and in order', count.acknowledged],
    ['answers refused as too long, their events having arrived', unanswered],
    ['events doubled, same `webhook-id`', count.sameId],
    ['events doubled, another `webhook-id`', count.otherId],
    ['events lost', count.lost],
    ['events overtaken', count.overtaken],
    ['connections dropped', count.dropped],
    ['tries of one event, at most', attempts],
    ['connections cut in the middle of a request or an answer', cuts],
    ['peak resident memory of the broker', `${peakKiB} KiB`],
    ['seconds', seconds],
    ['seed', seed],
  ];
  return [
    markdown(['what', 'count'], rows),
    markdown(['fault', 'times'], [...faults]),
  ].join('\n');
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}
