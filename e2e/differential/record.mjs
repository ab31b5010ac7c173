// Transcripts on record: one file per group of conversations, `transcripts/GROUP.txt`, which reads as a
// description of the original's behaviour. A section starts with `=== NAME`; where wsbroker differs on
// purpose, its own transcript follows under `=== NAME | wsbroker`.

import { readFileSync, writeFileSync } from 'node:fs';

const file = (group) => new URL(`../transcripts/${group}.txt`, import.meta.url);

/** The sections of a group: name to text. */
export function readRecord(group) {
  let text = '';
  try {
    text = readFileSync(file(group), 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const sections = new Map();
  for (const section of text.split(/^=== /m).slice(1)) {
    const end = section.indexOf('\n');
    sections.set(section.slice(0, end), section.slice(end + 1).replace(/\n+$/, '\n'));
  }
  return sections;
}

/** Writes the sections in the order of the group's conversations; others are dropped. */
export function writeRecord(group, conversations, sections) {
  const names = conversations.flatMap(({ name, change }) => [name, ...(change ? [`${name} | wsbroker`] : [])]);
  const text = names
    .filter((name) => sections.has(name))
    .map((name) => `=== ${name}\n${sections.get(name)}`)
    .join('\n');
  writeFileSync(file(group), text);
}
