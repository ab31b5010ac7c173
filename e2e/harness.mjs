// What the tests share: brokers as child processes, a scripted backend, clients, and waiting with a deadline.
//
// Nothing here sleeps for luck: whatever is waited for is a condition with a deadline, and a missed
// deadline says what had arrived instead. Everything listens on a free port of the loopback interface,
// and every process is ended by its own id.

export { DEADLINE_MS, Inbox, until, within } from './harness/wait.mjs';
export { Child, python } from './harness/child.mjs';
export { Backend } from './harness/backend.mjs';
export {
  ask, fromRoot, listensOn, originalProcess, runWsbroker, startOriginal, startWsbroker, wsbrokerPath,
} from './harness/broker.mjs';
export { authorityFor, certificateFor, issue, sClient, serial } from './harness/certificate.mjs';
export { Client } from './harness/client.mjs';
export { RawClient } from './harness/raw.mjs';
export { backendFor, brokerFor, enter, scene } from './harness/scene.mjs';
export { documented, startHaproxy, startNginx } from './harness/proxy.mjs';
export { accepting, freePort } from './harness/port.mjs';
export { cpuNanoseconds, openFiles, residentKiB, takesHugePages } from './harness/proc.mjs';
