// What a connection's session info holds when it connects: cookies, then `ip`, then `wskey`.

const cookies = (name, Cookie) => ({ name, hold: (t) => t.connect('A', { headers: { Cookie } }) });

export default [
  { name: 'without cookies there are ip and wskey', hold: (t) => t.connect('A') },
  cookies('cookies come first, in their order', 'sid=abc; theme=dark; lang=en'),
  cookies('names are trimmed and lower-cased', '  SessionID =1;\tTheme=2; MixedCase=3'),
  cookies('values are neither trimmed, decoded nor unquoted', 'a= 1 ; b=%20x%3D; c="quoted"; d=a+b'),
  cookies('a value ends at the second equals sign', 'token=abc=def==; empty=; eq=='),
  cookies('an empty name counts', '=nameless; a=1'),
  cookies('of two with one name the last wins', 'a=1; A=2; b=3; a=4'),
  cookies('a cookie without an equals sign is absent', 'flag; a=1'),
  cookies('a cookie without an equals sign hides an earlier one of its name', 'a=1; b=2; a'),
  cookies('and a later one shows it again', 'a=1; a; a=3'),
  cookies('empty pieces are cookies with an empty name and no value', 'a=1;; b=2;'),
  cookies('names like numbers', '2=two; 1=one; b=x'),
  cookies('bytes that are no UTF-8 are read as Latin-1', 'name=J\u00fcrgen; city=Z\u00fcrich'),
  cookies('several Cookie headers are joined', ['a=1; b=2', 'c=3; a=4']),
  cookies('JSON in a cookie stays text', 'a={"x":1}; b=[1,2]'),
  {
    name: 'the forwarded address of a trusted proxy is the ip',
    hold: (t) => t.connect('A', { headers: { 'X-Forwarded-For': '198.51.100.77' } }),
  },
  {
    name: 'the path of the handshake plays no part',
    async hold(t) {
      await t.connect('A', { path: 'some/where?token=1' });
      await t.connect('B', { path: '%7Euser//x/' });
    },
  },
];
