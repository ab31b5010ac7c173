// Every difference that the comparison allows, by name.
//
// NORMALISED differences touch almost every conversation: both transcripts are normalised in the same way,
// and the difference itself has a conversation of its own in `conversations/changes.mjs`. CHANGED ones make a
// conversation go differently: it names its line here, and both its transcripts are on record.

/**
 * `settle` takes an object of an event, a frame or a result and gives the one that is written down instead, if
 * it is another.
 */
const NORMALISED = [
  {
    name: 'wskey',
    why: 'the broker makes its own key, the original copies that of the handshake',
    how: 'shown as the name of the client',
  },
  {
    name: 'ip',
    why: 'the address of the peer or what a trusted proxy says; the original believes every X-Forwarded-For',
    how: 'every client sends X-Forwarded-For, and wsbroker trusts the loopback address',
  },
  {
    name: 'code and reason',
    why: 'session-disconnect tells them, which the original does not',
    how: 'left out',
    unless: 'showCode',
    settle: ({ code, reason, ...rest }) => (rest.type === 'session-disconnect' ? rest : undefined),
  },
  {
    name: 'words of json_error',
    why: 'what is wrong with a text is said by another parser',
    how: 'only " // source: " and the source are compared',
    settle: ({ json_error: error, ...rest }) =>
      typeof error === 'string'
        ? { json_error: error.replace(/^[^]*?( \/\/ source: )/, '…$1'), ...rest }
        : undefined,
  },
  {
    name: 'words of an error',
    why: 'they are for people',
    how: 'shown as …',
    settle: (entry) =>
      entry.ok === false && typeof entry.error === 'string' ? { ...entry, error: '…' } : undefined,
  },
  {
    name: 'order of members',
    why: 'messages are equal as JSON, not always as bytes',
    how: 'members are sorted, except those of the session info, whose order is kept',
  },
  {
    name: 'content type of results',
    why: 'application/json instead of text/html',
    how: 'left out but in the conversation about it',
  },
];

/** The lines of `conversations/changes.mjs`: what the original does and wsbroker does not. */
export const CHANGED = {
  'access denied': 'the refusal has status 403',
  'bad data': '`data` that is not JSON is 400 instead of nothing',
  binary: 'a binary frame is `client-binary` with base64',
  closing: 'a connection that is closing does not match any more',
  'code and reason': 'session-disconnect tells them',
  'content type': 'results are application/json',
  'cookie ip': 'cookies can never set ip or wskey',
  'cookie text': 'bytes that are UTF-8 are read as such; the original reads all as Latin-1',
  digits: 'numbers keep their digits',
  'fixed fields': '`session` can not overwrite ip and wskey, and merges the rest',
  forwarded: 'a POST with forwarding headers is refused without a token',
  ip: 'the address of the peer, or the right-most untrusted one of a trusted proxy',
  'json body': 'POST takes JSON and multipart bodies, and a single object',
  'list state': 'a list shows the state at its place in the commands',
  'object over array': 'an object replaces an array instead of hiding in it',
  operators: 'an object as a criterion is an operator, or refused',
  'other matches': 'a word as the whole match is refused',
  'other methods': 'GET is 426 and other methods are 405 instead of an empty 200',
  'send without message': 'is an error instead of an empty frame',
  'single object': 'one command object as an answer is a command',
  status: 'the answer of a 3xx, 4xx or 5xx is not executed; a 5xx is tried again',
  'unknown command': 'gives an error entry in its place instead of shifting the results',
  wskey: 'is not what the client chose',
};

/** The object with every normalisation applied, but those that a conversation asks to see. */
export function settled(value, shows) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return NORMALISED.filter(({ settle, unless }) => settle && !shows[unless]).reduce(
    (object, { settle }) => settle(object) ?? object,
    value,
  );
}
