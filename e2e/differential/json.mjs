// JSON as the transcripts show it.

/**
 * The value as text. `settle(value)` normalises objects before they are shown. Members are in the order
 * of their names, since only equality as JSON is promised, except with `keepOrder`: the session info's
 * own members come in an order (cookies, `ip`, `wskey`) that is promised.
 */
export function settledJson(value, settle, { keepOrder = false } = {}) {
  value = settle(value);
  if (Array.isArray(value)) {
    return `[${value.map((item) => settledJson(item, settle)).join(',')}]`;
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value);
  if (!keepOrder) names.sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${settledJson(value[name], settle)}`).join(',')}}`;
}
