// Judges a run by what the applications wrote down: nothing is lost, nothing overtakes, nobody is dropped.

/**
 * `records` is what the applications took, `members` are the clients (how much each said, what was acknowledged to it,
 * whether it was dropped), `drops` the broker's own words about events that it gave up.
 */
export function check({ records, members, drops }) {
  const faults = [];
  const count = { said: 0, arrived: 0, sameId: 0, otherId: 0, lost: 0, overtaken: 0, dropped: 0, acknowledged: 0 };
  const tell = (what, fault) => {
    count[what] += 1;
    faults.push(`${what}: ${fault}`);
  };

  // By the clock of the applications: an event is written down before it is answered, and the next one of its
  // connection goes out after that.
  const inOrder = records.toSorted((a, b) => a.at - b.at);
  const firstOfId = new Map();
  const histories = new Map(members.map(({ number }) => [number, []]));
  for (const record of inOrder) {
    if (firstOfId.has(record.id)) {
      count.sameId += 1;
      const before = firstOfId.get(record.id);
      if (!isSame(before, record)) tell('otherId', `${record.id} was ${shown(before)}, then ${shown(record)}`);
      continue;
    }
    firstOfId.set(record.id, record);
    if (record.kind === 'broker-start') {
      if (record !== inOrder[0]) tell('overtaken', 'broker-start was not the first event of all');
      continue;
    }
    histories.get(record.client)?.push(record) ?? faults.push(`an event of nobody: ${JSON.stringify(record)}`);
  }

  // What was given up because of an answer that is too long had arrived all the same; only its acknowledgement is missing.
  // Without a length, such an answer can be cut between nginx and the application and still have an end: then it is no JSON.
  const unanswered = new Set();
  for (const drop of drops) {
    const record = records.find(({ id, manner }) => id === drop.event_id && manner === 'huge');
    if (record && /max_answer|begins with "x/.test(drop.msg)) unanswered.add(`${record.client} ${record.n}`);
    else faults.push(`given up${/poison/i.test(drop.msg) ? ' as poison' : ''}: ${JSON.stringify(drop)}`);
  }

  for (const member of members) {
    const history = histories.get(member.number);
    const expected = ['connect', ...Array.from({ length: member.said }, (_, index) => index + 1), 'disconnect'];
    const seen = new Set();
    let latest = -1;
    for (const record of history) {
      const name = nameOf(record);
      if (seen.has(name)) {
        tell('otherId', `${shown(record)} came with another id before`);
        continue;
      }
      seen.add(name);
      const place = expected.indexOf(name);
      if (place < latest) tell('overtaken', `${shown(record)} came after "${expected[latest]}"`);
      latest = Math.max(latest, place);
    }
    if (new Set(history.map(({ wskey }) => wskey)).size > 1) faults.push(`client ${member.number} had several connections`);
    for (const name of expected.filter((name) => !seen.has(name))) tell('lost', `client ${member.number}: ${name}`);
    count.said += member.said;
    count.arrived += [...seen].filter(Number.isInteger).length;
    if (member.dropped) tell('dropped', `client ${member.number}: ${JSON.stringify(member.dropped)}`);

    const acknowledgements = expected.slice(1, -1).filter((n) => !unanswered.has(`${member.number} ${n}`));
    count.acknowledged += member.acknowledged.length;
    if (String(member.acknowledged) !== String(acknowledgements)) {
      faults.push(`client ${member.number}: acknowledged were ${firstDifference(member.acknowledged, acknowledgements)}`);
    }
  }
  return { count, faults, unanswered: unanswered.size, attempts: Math.max(0, ...new Set(records.map(({ attempt }) => attempt))) };
}

function isSame(a, b) {
  return a.client === b.client && a.kind === b.kind && a.n === b.n && a.wskey === b.wskey;
}

function nameOf({ kind, n }) {
  return { 'session-connect': 'connect', 'session-disconnect': 'disconnect' }[kind] ?? n;
}

function shown(record) {
  return `client ${record.client}: ${nameOf(record)}`;
}

function firstDifference(found, expected) {
  const at = found.findIndex((n, index) => n !== expected[index]);
  const from = at < 0 ? Math.min(found.length, expected.length) : at;
  return `…${found.slice(from, from + 5)}… instead of …${expected.slice(from, from + 5)}…`;
}
