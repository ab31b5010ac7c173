// An application under a supervisor, as systemd would be one: whenever it ends, it is started again.

import { fileURLToPath } from 'node:url';
import { accepting, Child, freePort } from '../harness.mjs';

const SCRIPT = fileURLToPath(new URL('fragile.mjs', import.meta.url));

/** `fragile.mjs`; `seen` fills with what it sees, over all its lives. */
export async function superviseFragile(t, fault) {
  const port = await freePort();
  const application = { url: `http://127.0.0.1:${port}/`, seen: [], starts: 0 };
  let isOver = false;
  const start = () => {
    application.starts += 1;
    application.child = Child.start(process.execPath, [SCRIPT, port, fault]);
    application.child.stdout.push = (line) => application.seen.push(JSON.parse(line));
    application.child.ended.then(() => {
      if (!isOver) start();
    });
  };
  t.after(async () => {
    isOver = true;
    await application.child.stop();
  });
  start();
  await accepting(port, application.child);
  return application;
}
