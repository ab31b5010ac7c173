// What the applications wrote down of the events they took, read while they write.

import { closeSync, existsSync, openSync, readSync } from 'node:fs';

const CHUNK = 1 << 20;

export class Journal {
  #files;

  constructor(paths) {
    this.#files = paths.map((path) => ({ path, offset: 0, rest: '' }));
    /** All records so far; each file's in their order. */
    this.records = [];
    /** The records by the id of their event: the first that was read of each. */
    this.byId = new Map();
  }

  /** Reads what has been added. */
  read() {
    for (const file of this.#files) {
      if (!existsSync(file.path)) continue;
      const descriptor = openSync(file.path, 'r');
      const chunk = Buffer.alloc(CHUNK);
      for (;;) {
        const length = readSync(descriptor, chunk, 0, CHUNK, file.offset);
        if (length === 0) break;
        file.offset += length;
        const lines = (file.rest + chunk.toString('latin1', 0, length)).split('\n');
        file.rest = lines.pop();
        for (const line of lines) this.#add(JSON.parse(line));
      }
      closeSync(descriptor);
    }
    return this.records;
  }

  #add(record) {
    this.records.push(record);
    if (!this.byId.has(record.id)) this.byId.set(record.id, record);
  }
}
