// What the kernel says about a process.

import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that all threads of the process have used, user and system. */
export function cpuNanoseconds(pid) {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [onCpu] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    total += Number(onCpu);
  }
  return total;
}

/** Resident memory of the process. */
export function residentKiB(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** How many files, sockets with them, the process has open. */
export function openFiles(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Whether the kernel may give the process huge pages, most of which nobody has asked for. */
export function takesHugePages(pid) {
  return /^THP_enabled:\s+1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
