// A script's source in colours. It is read once from front to back by the rules
// of its language, the first that fits winning: enough to see comments, strings
// and words apart, and never wrong about the text itself.

const shared = { number: /\b(?:0x[\da-f]+|\d+(?:\.\d+)?)\b/iy, space: /[\s]+/y, word: /[\p{L}_][\p{L}\p{N}_]*/uy };

const languages = {
  sh: {
    rules: [
      ['comment', /(?<![^\s;(|&])#[^\n]*/y],
      ['string', /'[^']*'?/y], ['string', /"(?:\\[^]|[^"\\])*"?/y],
      ['variable', /\$(?:\{[^}\n]*\}?|[\w@*#?$!-])[\w]*/y],
      ['number', /(?<![\w-])\d+\b/y],
    ],
    words: 'if then else elif fi for in while until do done case esac function select return exit break continue local export readonly set unset trap shift eval exec test echo printf',
  },
  powershell: {
    rules: [
      ['comment', /<#[^]*?(?:#>|$)/y], ['comment', /#[^\n]*/y],
      ['string', /@'\r?\n[^]*?(?:\r?\n'@|$)/y], ['string', /@"\r?\n[^]*?(?:\r?\n"@|$)/y],
      ['string', /'(?:''|[^'])*'?/y], ['string', /"(?:`[^]|""|[^"`])*"?/y],
      ['variable', /\$(?:\{[^}]*\}?|[\w:?$^]+)/y], ['operator', /-(?:i?eq|i?ne|i?gt|i?ge|i?lt|i?le|i?like|i?notlike|i?match|i?notmatch|and|or|not|contains|in|is|as|replace|split|join)\b/iy],
      ['function', /[A-Za-z]+-[A-Za-z]\w*/y], ['number', shared.number],
    ],
    words: 'if else elseif switch foreach for while do until break continue return exit function param begin process end try catch finally throw filter in trap class enum using',
    anyCase: true,
  },
  python: {
    rules: [
      ['comment', /#[^\n]*/y],
      ['string', /[rbfu]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$))/iy],
      ['string', /[rbfu]{0,2}(?:"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?)/iy],
      ['variable', /@[\w.]+/y], ['number', shared.number],
    ],
    words: 'and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield True False None',
  },
};

/** What a script is written in, by its first line. @param {string} source @param {string|null} platform */
export function languageOf(source, platform) {
  const first = source.slice(0, source.indexOf('\n') >>> 0);
  if (first.startsWith('#!')) {
    if (/python/.test(first)) return 'python';
    return /pwsh|powershell/.test(first) ? 'powershell' : 'sh';
  }
  return platform === 'linux' || platform === 'macOS' ? 'sh' : 'powershell';
}

/** @param {string} source @param {'sh'|'powershell'|'python'} language
 * @returns {Array<Array<[string, string]>>} lines, of pieces with their kind, "" for plain text */
export function highlight(source, language) {
  const { rules, words, anyCase } = languages[language];
  const reserved = new Set(words.split(' '));
  const all = [['', shared.space], ...rules, ['word', shared.word]];
  const lines = [[]];
  let [at, plain] = [0, ''];
  const put = (kind, text) => text.split('\n').forEach((part, i) => {
    if (i > 0) lines.push([]);
    if (part) lines[lines.length - 1].push([kind, part]);
  });
  while (at < source.length) {
    const [kind, text] = next(all, source, at);
    at += text.length;
    const isWord = kind === 'word' && reserved.has(anyCase ? text.toLowerCase() : text);
    if (kind === '' || (kind === 'word' && !isWord)) {
      plain += text;
      continue;
    }
    put('', plain);
    plain = '';
    put(kind, text);
  }
  put('', plain);
  return lines;
}

function next(rules, source, at) {
  for (const [kind, pattern] of rules) {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found && found[0]) return [kind, found[0]];
  }
  return ['', String.fromCodePoint(source.codePointAt(at))];
}
